// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import StoreJournal
import Testing

@testable import FilesystemStore

@Suite("Which spools are opened")
struct OpeningTests {
  private let envelope = """
    version: 3
    dispatcher: outbound
    type: mta
    smtpname: mx.example.net
    helo: client.example.org
    hostname: client.example.org
    sockaddr: 192.0.2.7
    sender: a@example.org
    rcpt: b@example.com
    dest: b@example.com
    ctime: 1700000000
    ttl: 0
    retry: 0

    """

  private func write(_ text: String, to path: String, on disk: MemoryDisk) throws {
    let file = try disk.open(path, .create)
    try disk.write(Array(text.utf8), to: file, at: 0)
    disk.close(file)
  }

  private func spool() throws -> MemoryDisk {
    let disk = MemoryDisk()
    for path in [
      "queue", "queue/ab", "queue/ab/ab000001", "incoming", "incoming/cd000001", "purge",
    ] { try disk.makeDirectory(path) }
    try write("Subject: hello\n\nworld\n", to: "queue/ab/ab000001/message", on: disk)
    try write(envelope, to: "queue/ab/ab000001/ab00000111111111", on: disk)
    try write(envelope, to: "queue/ab/ab000001/ab000001ffffffff", on: disk)
    try write(envelope, to: "incoming/cd000001/cd00000100000001", on: disk)
    return disk
  }

  @Test("a compressed or an encrypted spool is refused as a whole, and nothing of it is moved")
  func packed() throws {
    let packings: [([UInt8], String)] = [
      ([0x1f, 0x8b, 8, 0] + [UInt8](repeating: 7, count: 60), "compressed"),
      ([1] + [UInt8](repeating: 0xa5, count: 60), "encrypted"),
    ]
    for (bytes, word) in packings {
      let disk = MemoryDisk()
      for path in ["queue", "queue/ab", "queue/ab/ab000001"] { try disk.makeDirectory(path) }
      for name in ["message", "ab00000111111111"] {
        let file = try disk.open("queue/ab/ab000001/\(name)", .create)
        try disk.write(bytes, to: file, at: 0)
        disk.close(file)
      }
      let store = makeStore(disk)
      let error = #expect(throws: StoreError.self) { try store.open() }
      #expect(error.map { "\($0)".contains(word) } == true, "\(String(describing: error))")
      #expect(disk.files(below: "queue").count == 2 && disk.files(below: "quarantine").isEmpty)
    }
  }

  @Test("a spool of OpenSMTPD's is used in place; what it had not committed is removed")
  func adopted() throws {
    let disk = try spool()
    let store = makeStore(disk)
    let report = try store.open()
    #expect(report.orphansRemoved == 1)
    let all = try allEnvelopes(store)
    #expect(all.count == 2)
    #expect(all.values.allSatisfy { $0.message.size == 22 })
    #expect(store.statistics().bodyBytes == 22)
    let id = try #require(all.keys.min())
    try store.apply([.update(id, .deferred(at: .epoch, status: nil, error: "later"))])
    #expect(try store.envelope(id)?.envelope.progress.tries == 1)
    #expect(try store.body(of: id.message, from: 9, count: 5) == Array("hello".utf8))
    try store.apply([.removeMessage(id.message)])
    try store.close(within: .seconds(10))
    #expect(disk.files(below: "queue").isEmpty)
  }

  @Test("a message put there by hand is discovered once")
  func discovered() throws {
    let disk = try spool()
    let store = makeStore(disk)
    _ = try store.open()
    _ = try store.page(after: nil, limit: 1)
    try disk.makeDirectory("queue/ab/ab000002")
    try write("x", to: "queue/ab/ab000002/message", on: disk)
    try write(envelope, to: "queue/ab/ab000002/ab00000200000001", on: disk)
    #expect(try store.discover(messageID(0xab00_0002)).count == 1)
    #expect(store.statistics().messages == 2)
    #expect(try allEnvelopes(store).count == 3)
    #expect(try store.discover(messageID(0xab00_0003)) == [])
  }

  @Test("a second process is refused, and told which one holds the spool")
  func held() throws {
    let disk = MemoryDisk()
    let first = makeStore(disk)
    _ = try first.open()
    #expect {
      try makeStore(disk).open()
    } throws: { error in
      guard case .busy(_, let holder)? = error as? StoreError else { return false }
      return holder != nil
    }
    try first.close(within: .seconds(1))
    _ = try makeStore(disk).open()
  }

  @Test("a stop that has no time for files says what it leaves to the next start")
  func hurried() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1)), .insert(newMessage(2))])
    try store.apply([.removeMessage(messageID(2))])
    let report = try store.close(within: .nanoseconds(1))
    #expect(
      report.remarks == [
        "journal: the next start finds 1 messages in it, for whose files there was no time"
      ]
    )
    let next = makeStore(disk)
    #expect(try next.open().recoveredChanges == 3)
    #expect(try next.close(within: .seconds(100)) == CloseReport())
    #expect(try makeStore(disk).open().recoveredChanges == 0)
  }

  @Test("a spool of a newer version is refused")
  func newer() throws {
    let disk = MemoryDisk()
    try write("2\n", to: "format", on: disk)
    #expect(throws: StoreError.newerVersion(path: "memory", found: 2, supported: 1)) {
      try makeStore(disk).open()
    }
  }

  @Test("a spool on a full disk is opened with what the reserve has")
  func fullAtFirst() throws {
    var limits = smallLimits()
    limits.reserveBytes = 2 * limits.segmentBytes
    let served = MemoryDisk()
    let store = makeStore(served, limits)
    _ = try store.open()
    for number: UInt32 in 1...3 { try store.apply([.insert(newMessage(number))]) }
    let disk = served.afterPowerCut(.everything)
    // What is damaged is kept aside, which needs room.
    disk.flipBit(3, ofByte: 60, in: "journal/00")
    disk.fault = .room(disk.files().values.reduce(0) { $0 + $1.count })
    let again = makeStore(disk, limits)
    let report = try again.open()
    #expect(report.quarantined == 1)
    #expect(disk.files()["reserve"] == nil)
    #expect(try allEnvelopes(again).count == 2)
  }

  @Test("a journal that failed on a full disk is opened again with what the reserve has")
  func reserve() throws {
    let disk = MemoryDisk()
    var limits = smallLimits()
    limits.reserveBytes = 2 * limits.segmentBytes
    let store = makeStore(disk, limits)
    _ = try store.open()
    for number: UInt32 in 1...3 { try store.apply([.insert(newMessage(number))]) }
    #expect(disk.files()["reserve"]?.count == limits.reserveBytes)
    // No file of the journal is left that could be begun, and there is no room for one.
    while try store.journal.shrink(keeping: 0) {}
    let used = disk.files().values.reduce(0) { $0 + $1.count }
    disk.fault = .failure(at: disk.operations + 1, errno: 28)
    #expect(throws: StoreError.sealed(path: "memory")) {
      try store.apply([.removeMessage(messageID(3))])
    }
    disk.fault = .room(used)
    let error = #expect(throws: StoreError.self) { try store.reopen() }
    guard case .full? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(disk.files()["reserve"] == nil)
    _ = try store.reopen()
    let known = [envelopeID(1, 1), envelopeID(2, 1), envelopeID(3, 1)]
    #expect(try allEnvelopes(store).keys.sorted() == known)
    try store.apply([.removeMessage(messageID(1))])
    for survival in [MemoryDisk.Survival.nothing, .everything] {
      let again = makeStore(disk.afterPowerCut(survival), limits)
      _ = try again.open()
      #expect(try allEnvelopes(again).keys.sorted() == Array(known.dropFirst()))
    }
    disk.fault = .none
    while try store.maintain() == .more {}
    #expect(disk.files()["reserve"]?.count == limits.reserveBytes)
  }

  @Test("new mail is refused when the journal cannot be emptied, and removals go on")
  func full() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    var accepted: [UInt32] = []
    var refused = false
    for number in 1...60 as ClosedRange<UInt32> {
      do {
        if store.journal.filled > 1 { disk.fault = .full }
        try store.apply([.insert(newMessage(number, size: 400))])
        accepted.append(number)
      } catch {
        refused = true
        break
      }
    }
    #expect(refused)
    for number in accepted { try store.apply([.removeMessage(messageID(number))]) }
    #expect(try allEnvelopes(store).isEmpty)
    try store.apply([.insert(newMessage(100, size: 400))])
  }
}
