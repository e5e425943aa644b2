// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import Testing

@testable import FilesystemStore

@Suite("What damage does")
struct DamageTests {
  private let groups = 6

  /// A journal of one file with six groups of one message each, 512 bytes a group.
  private func journal() throws -> MemoryDisk {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    for number in 1...UInt32(groups) { try store.apply([.insert(newMessage(number))]) }
    return disk.afterPowerCut(.nothing)
  }

  @Test("a flipped bit before the last group is told and kept aside, and takes its own mail alone")
  func middle() throws {
    let clean = try journal()
    for group in 0..<(groups - 1) {
      for offset in [0, 5, 9, 17, 40, 50, 60, 200] {
        let disk = clean.afterPowerCut(.nothing)
        disk.flipBit(3, ofByte: group * 512 + offset, in: "journal/00")
        let store = makeStore(disk)
        let report = try store.open()
        #expect(report.quarantined == 1, "group \(group), byte \(offset): \(report)")
        let left = try allEnvelopes(store).keys.map(\.message.rawValue).sorted()
        #expect(left == (1...UInt32(groups)).filter { $0 != UInt32(group) + 1 })
        let records = try store.quarantined()
        #expect(records.count == 1)
        #expect(try store.quarantinedContent(records.first?.name ?? "").count > 0)
      }
    }
  }

  @Test("a torn last group is no damage, and its mail was never answered")
  func tail() throws {
    let clean = try journal()
    for offset in [0, 9, 60, 200] {
      let disk = clean.afterPowerCut(.nothing)
      disk.flipBit(1, ofByte: (groups - 1) * 512 + offset, in: "journal/00")
      let store = makeStore(disk)
      let report = try store.open()
      #expect(report.quarantined == 0)
      #expect(try allEnvelopes(store).count == groups - 1)
    }
  }

  @Test("no flipped bit anywhere ends the store")
  func anywhere() throws {
    let clean = try journal()
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<60 {
      let disk = clean.afterPowerCut(.nothing)
      let offset = Int.random(in: 0..<(groups * 512), using: &generator)
      disk.flipBit(Int.random(in: 0..<8, using: &generator), ofByte: offset, in: "journal/00")
      let store = makeStore(disk)
      _ = try store.open()
      #expect(try allEnvelopes(store).count >= groups - 1)
      try store.apply([.insert(newMessage(99))])
      try store.close(within: .seconds(100))
    }
  }

  private func spool() throws -> MemoryDisk {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1, envelopes: 2)), .insert(newMessage(2))])
    try store.close(within: .seconds(100))
    return disk
  }

  @Test("an envelope that cannot be read goes to quarantine and comes back once it can")
  func envelope() throws {
    let disk = try spool()
    let path = SpoolTree.path(of: envelopeID(1, 2))
    let good = disk.files()[path] ?? []
    let file = try disk.open(path, .write)
    try disk.truncate(file, to: 20)
    disk.close(file)
    let store = makeStore(disk)
    _ = try store.open()
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(1, 1), envelopeID(2, 1)])
    #expect(store.statistics().quarantined == 1)
    let record = try #require(try store.quarantined().first)
    #expect(record.name == "envelope-0000000100000002")
    #expect(record.size == 20)
    #expect(throws: StoreError.self) { try store.restore(quarantined: record.name) }
    let mended = try disk.open("quarantine/\(record.name)", .write)
    try disk.write(good, to: mended, at: 0)
    disk.close(mended)
    #expect(try store.restore(quarantined: record.name).envelopes == [envelopeID(1, 2)])
    #expect(try allEnvelopes(store).count == 3)
    #expect(try store.quarantined() == [])
    #expect(throws: StoreError.absent) { try store.restore(quarantined: "../lock") }
  }

  @Test(
    "a message stays for its envelope in quarantine, or left in its place, when all others are done"
  )
  func lastOfTheReadable() throws {
    for isLeft in [false, true] {
      let disk = try spool()
      let path = SpoolTree.path(of: envelopeID(1, 2))
      let good = disk.files()[path] ?? []
      let file = try disk.open(path, .write)
      if isLeft {
        disk.refuse(path, errno: 13)
      } else {
        try disk.truncate(file, to: 20)
      }
      let store = makeStore(disk)
      _ = try store.open()
      #expect(try allEnvelopes(store).count == 2)
      try store.apply([.insert(newMessage(3)), .removeMessage(messageID(1))])
      try store.apply([.removeMessage(messageID(1))])
      #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(2, 1), envelopeID(3, 1)])
      try store.close(within: .seconds(100))
      _ = try store.open()
      #expect(try allEnvelopes(store).count == 2)
      #expect(try store.verify(after: nil, limit: 10).findings.count == 1)
      try store.apply([.removeMessage(messageID(1))])

      let record = try #require(try store.quarantined().first)
      if isLeft {
        disk.refuse(path, errno: nil)
      } else {
        let mended = try disk.open("quarantine/\(record.name)", .write)
        try disk.write(good, to: mended, at: 0)
        disk.close(mended)
      }
      #expect(try store.restore(quarantined: record.name).envelopes == [envelopeID(1, 2)])
      #expect(try store.body(of: messageID(1), from: 0, count: 1000).count == 100)
      try store.apply([.removeMessage(messageID(1))])
      #expect(throws: StoreError.absent) {
        try store.body(of: messageID(1), from: 0, count: 1000)
      }
      disk.close(file)
    }
  }

  @Test("an envelope is restored to a message that the journal has a change of")
  func restoredIntoChange() throws {
    let disk = try spool()
    let path = SpoolTree.path(of: envelopeID(1, 2))
    let good = disk.files()[path] ?? []
    let file = try disk.open(path, .write)
    try disk.truncate(file, to: 20)
    let store = makeStore(disk)
    _ = try store.open()
    #expect(try allEnvelopes(store).count == 2)
    try store.apply([.removeMessage(messageID(1))])
    let mended = try disk.open("quarantine/envelope-0000000100000002", .write)
    try disk.write(good, to: mended, at: 0)
    let back = try store.restore(quarantined: "envelope-0000000100000002")
    #expect(back.envelopes == [envelopeID(1, 2)])
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(1, 2), envelopeID(2, 1)])
    disk.close(file)
    disk.close(mended)
    let again = makeStore(disk.afterPowerCut(.nothing))
    _ = try again.open()
    #expect(try allEnvelopes(again).keys.sorted() == [envelopeID(1, 2), envelopeID(2, 1)])
  }

  @Test("a body's file is kept when the journal has lost what it was about")
  func stagedBodyOfLostRecord() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1, size: 5000))])
    try store.apply([.insert(newMessage(2))])
    let staged = disk.files().keys.filter { disk.files()[$0]?.count == 5000 }
    #expect(staged.count == 1)
    let left = disk.afterPowerCut(.nothing)
    left.flipBit(0, ofByte: 120, in: "journal/00")
    let again = makeStore(left)
    let report = try again.open()
    #expect(report.quarantined == 1 && report.orphansRemoved == 0)
    #expect(staged.allSatisfy { left.files()[$0]?.count == 5000 })
    #expect(try allEnvelopes(again).keys.sorted() == [envelopeID(2, 1)])
  }

  @Test(
    "a file that cannot be opened or moved is stepped over, listed, and back once it can be read"
  )
  func refused() throws {
    for errno: Int32 in [13, 5] {
      let disk = try spool()
      let path = SpoolTree.path(of: envelopeID(1, 2))
      disk.refuse(path, errno: errno)
      let store = makeStore(disk)
      _ = try store.open()
      for _ in 0..<2 {
        #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(1, 1), envelopeID(2, 1)])
      }
      #expect(try store.envelope(envelopeID(1, 2)) == nil)
      #expect(store.statistics().envelopes == 2 && store.statistics().quarantined == 1)
      let page = try store.verify(after: nil, limit: 10)
      #expect(page.next == nil && page.messagesChecked == 2)
      #expect(page.findings.map(\.record) == ["envelope 0000000100000002"])
      let record = try #require(try store.quarantined().first)
      #expect(record.name == "envelope-0000000100000002")
      #expect(record.reason.contains("left in \(path)"), "\(record.reason)")
      #expect(disk.files()[path] != nil, "it is where it was")
      #expect(throws: StoreError.self) { try store.restore(quarantined: record.name) }
      #expect(try store.quarantined().count == 1)
      disk.refuse(path, errno: nil)
      #expect(try store.restore(quarantined: record.name).envelopes == [envelopeID(1, 2)])
      #expect(try allEnvelopes(store).count == 3)
      #expect(store.statistics().envelopes == 3 && store.statistics().quarantined == 0)
    }
  }

  @Test("a directory that cannot be listed hides its own mail only", arguments: [false, true])
  func refusedDirectory(isClean: Bool) throws {
    for path in [SpoolTree.path(of: messageID(1)), SpoolTree.bucket(of: messageID(1))] {
      let disk = try spool()
      if !isClean { try disk.unlink("settings") }
      let other = makeStore(disk)
      _ = try other.open()
      try other.apply([.insert(newMessage(0x0500_0001))])
      try other.close(within: .seconds(100))
      disk.refuse(path, errno: 13)
      let store = makeStore(disk)
      _ = try store.open()
      let left = try allEnvelopes(store).keys.sorted()
      #expect(left.last == envelopeID(0x0500_0001, 1) && left.count == (path.count > 10 ? 2 : 1))
      #expect(try store.verify(after: nil, limit: 10).findings.count == 1)
      let record = try #require(try store.quarantined().first)
      #expect(throws: StoreError.self) { try store.restore(quarantined: record.name) }
      disk.refuse(path, errno: nil)
      #expect(try store.restore(quarantined: record.name).envelopes.count == 4 - left.count)
      #expect(try allEnvelopes(store).count == 4)
      #expect(store.statistics().quarantined == 0)
    }
  }

  @Test("a body that was cut off or grew is not delivered, and takes its message to quarantine")
  func bodySize() throws {
    for size in [0, 40, 99, 101] {
      let disk = try spool()
      let path = SpoolTree.bodyPath(of: messageID(1))
      let good = disk.files()[path] ?? []
      let file = try disk.open(path, .write)
      try disk.truncate(file, to: size)
      disk.close(file)
      let store = makeStore(disk)
      _ = try store.open()
      let error = #expect(throws: StoreError.self) {
        try store.body(of: messageID(1), from: 0, count: 1000)
      }
      #expect(error?.isDamage == true, "\(size): \(String(describing: error))")
      let page = try store.verify(after: nil, limit: 10)
      #expect(page.findings.map(\.record) == ["message 00000001"])
      #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(2, 1)])
      let record = try #require(try store.quarantined().first)
      #expect(record.reason == "its body: \(size) bytes of 100")
      let mended = try disk.open("quarantine/\(record.name)/message", .write)
      try disk.write(good, to: mended, at: 0)
      try disk.truncate(mended, to: good.count)
      disk.close(mended)
      #expect(try store.restore(quarantined: record.name).envelopes.count == 2)
      #expect(try store.body(of: messageID(1), from: 0, count: 1000) == good)
      #expect(try store.verify(after: nil, limit: 10).findings.isEmpty)
    }
  }

  @Test("a staged body that was cut off leaves the journal, and what is left of it is kept")
  func stagedBodySize() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([.insert(newMessage(1, size: 700)), .insert(newMessage(2))])
    let file = try disk.open("staged/00000001", .write)
    try disk.truncate(file, to: 500)
    disk.close(file)
    let error = #expect(throws: StoreError.self) {
      try store.body(of: messageID(1), from: 0, count: 1000)
    }
    #expect(error?.isDamage == true)
    #expect(try store.verify(after: nil, limit: 10).findings.isEmpty == false)
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(2, 1)])
    #expect(try store.quarantined().map(\.name) == ["body-00000001", "record-00000001"])
    #expect(disk.files()["quarantine/body-00000001"]?.count == 500)
    #expect(try store.verify(after: nil, limit: 10).findings.isEmpty)
    #expect(store.statistics().envelopes == 1)
  }

  @Test("a message without a body is set aside as a whole, and so is a body without envelopes")
  func message() throws {
    let disk = try spool()
    try disk.unlink(SpoolTree.bodyPath(of: messageID(1)))
    try disk.unlink(SpoolTree.path(of: envelopeID(2, 1)))
    let store = makeStore(disk)
    _ = try store.open()
    let page = try store.verify(after: nil, limit: 10)
    #expect(page.next == nil)
    #expect(page.findings.map(\.record).sorted() == ["message 00000001", "message 00000002"])
    #expect(
      try store.quarantined().map(\.name) == ["message-00000001", "message-00000002"]
    )
    #expect(try allEnvelopes(store).isEmpty)
  }
}
