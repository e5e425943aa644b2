// SPDX-License-Identifier: ISC

import Configuration
import Disk
import Queue
import StoreFactory
import Testing

@Suite("Which store of a spool is its queue")
struct BackendChoiceTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  private static let pairs: [(QueueBackend, QueueBackend)] = [
    (.filesystem, .sqlite), (.filesystem, .lmdb), (.filesystem, .memory), (.sqlite, .filesystem),
    (.sqlite, .lmdb), (.lmdb, .filesystem), (.lmdb, .memory),
  ]

  private func recorded() throws -> String? {
    try spool.disk.content(of: BackendChoice.file, atMost: 64)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  private func put(_ changes: [Change], in backend: QueueBackend) throws {
    let store = StoreFactory.store(backend, on: spool.disk)
    _ = try store.open()
    try store.apply(changes)
    try store.close(within: .seconds(10))
  }

  @Test(
    "a change that would leave mail behind is refused, and nothing is recorded",
    arguments: pairs
  )
  func refused(old: QueueBackend, new: QueueBackend) throws {
    try put([.insert(try Sample.mail(1, envelopes: 2))], in: old)
    try BackendChoice.settle(old, on: spool.disk)
    #expect(try recorded() == "\(old.rawValue)\n")
    let error = try #require(throws: StoreError.self) {
      try BackendChoice.settle(new, on: spool.disk)
    }
    #expect("\(error)".contains("the \(old.rawValue) queue holds 2 envelopes"), "\(error)")
    let command = "smtpctl queue copy \(old.rawValue) \(new.rawValue)"
    #expect("\(error)".contains(command) == (new != .memory), "\(error)")
    #expect(try recorded() == "\(old.rawValue)\n")
  }

  @Test("a spool that OpenSMTPD left says nothing, and is looked at all the same")
  func unrecorded() throws {
    try put([.insert(try Sample.mail(1))], in: .filesystem)
    #expect(throws: StoreError.self) { try BackendChoice.settle(.sqlite, on: spool.disk) }
    #expect(try recorded() == nil)
  }

  @Test("a queue that is empty, was moved, or is an unfinished copy holds nobody up")
  func nothingLeft() throws {
    try put([], in: .filesystem)
    try put([.insert(try Sample.mail(1)), .set(StoreCopy.movedMark, [1])], in: .sqlite)
    try BackendChoice.settle(.lmdb, on: spool.disk)
    #expect(try recorded() == "lmdb\n")
    try put([.set(StoreCopy.movedMark, nil), .set(StoreCopy.mark, [1])], in: .sqlite)
    try BackendChoice.settle(.filesystem, on: spool.disk)
    #expect(try recorded() == "fs\n")
  }

  @Test("who writes the word into the file leaves the mail behind")
  func insisted() throws {
    try put([.insert(try Sample.mail(1))], in: .filesystem)
    try spool.disk.replace("backend", with: Array("sqlite".utf8), through: "new")
    try BackendChoice.settle(.sqlite, on: spool.disk)
    #expect(throws: StoreError.self) { try BackendChoice.settle(.lmdb, on: spool.disk) }
  }

  @Test("on a full disk `ram` gets the reserve that another store left")
  func memoryOnFullDisk() throws {
    let disk = MemoryDisk()
    var reserve = SpaceReserve(disk: disk, size: 4096)
    #expect(try reserve.build())
    disk.fault = .room(4096)
    try BackendChoice.settle(.memory, on: disk)
    #expect(disk.files()[BackendChoice.file] == Array("ram\n".utf8))
    #expect(disk.files()[SpaceReserve.name] == nil)
  }

  @Test("a store that cannot be looked into for want of room is no reason to refuse the new one")
  func noRoomToLook() throws {
    let disk = MemoryDisk()
    let store = StoreFactory.store(.filesystem, on: disk)
    _ = try store.open()
    try store.close(within: .seconds(10))
    try disk.unlink(SpaceReserve.name)
    try disk.unlink(SpoolFormat.name)
    disk.fault = .full
    let error = #expect(throws: StoreError.self) { try BackendChoice.settle(.sqlite, on: disk) }
    #expect(error == .full(path: "memory/format.new"))
    #expect(disk.files()[BackendChoice.file] == nil)
  }
}
