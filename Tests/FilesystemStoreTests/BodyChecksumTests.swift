// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import StoreJournal
import Testing

@testable import FilesystemStore

@Suite("The checksum of a body")
struct BodyChecksumTests {
  /// A spool of two messages in files, the first with two envelopes.
  private func spool(size: Int = 100) throws -> MemoryDisk {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([
      .insert(newMessage(1, envelopes: 2, size: size)), .insert(newMessage(2, size: size)),
    ])
    try store.close(within: .seconds(100))
    return disk
  }

  private func word(of checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return "body-crc=" + String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// What the envelopes' files of a message say.
  private func words(_ number: UInt32, _ disk: MemoryDisk) -> [String] {
    let files = disk.files(below: SpoolTree.path(of: messageID(number)))
    return files.sorted { $0.key < $1.key }.filter { !$0.key.hasSuffix("/message") }.map { file in
      let words = String(decoding: file.value, as: UTF8.self).split { $0 == " " || $0 == "\n" }
      return words.first { $0.hasPrefix("body-crc=") }.map { String($0) } ?? "none"
    }
  }

  /// As a version that knew of no checksums has left it.
  private func forgetChecksums(_ disk: MemoryDisk) throws {
    for (path, content) in disk.files(below: "queue") where !path.hasSuffix("/message") {
      let text = String(decoding: content, as: UTF8.self)
      let start = try #require(text.firstRange(of: " body-crc=")).lowerBound
      let end = text.index(start, offsetBy: 18)
      let file = try disk.open(path, .write)
      defer { disk.close(file) }
      let shorter = Array((text[..<start] + text[end...]).utf8)
      try disk.write(shorter, to: file, at: 0)
      try disk.truncate(file, to: shorter.count)
    }
  }

  /// Reads a body in chunks, and flips through `between` before each but the first.
  private func read(
    _ store: FilesystemStore,
    _ number: UInt32,
    chunk: Int,
    between: () throws -> Void = {}
  ) throws -> (bytes: [UInt8], error: StoreError?) {
    var bytes: [UInt8] = []
    do {
      while true {
        let part = try store.body(of: messageID(number), from: bytes.count, count: chunk)
        bytes += part
        guard part.count == chunk else { return (bytes, nil) }
        try between()
      }
    } catch let error as StoreError {
      return (bytes, error)
    }
  }

  @Test("is in every envelope's file, and stays there whatever becomes of the envelopes")
  func kept() throws {
    for size in [100, 3000] {
      let disk = try spool(size: size)
      let word = word(of: Checksum.of(makeBody(1, size: size)))
      #expect(words(1, disk) == [word, word])
      let changes: [[Change]] = [
        [.update(envelopeID(1, 1), .deferred(at: .epoch, status: nil, error: "later"))],
        [.removeEnvelope(envelopeID(1, 2))],
        [.add(makeEnvelope(1, 9)), .removeEnvelope(envelopeID(1, 1))],
      ]
      for change in changes {
        let store = makeStore(disk)
        _ = try store.open()
        try store.apply(change)
        try store.close(within: .seconds(100))
        #expect(!words(1, disk).isEmpty && Set(words(1, disk)) == [word])
      }
    }
  }

  @Test("finds a bit that flips in the journal under an open store")
  func journal() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    for number: UInt32 in 1...2 { try store.apply([.insert(newMessage(number, size: 400))]) }
    let body = makeBody(2, size: 400)
    let content = try #require(disk.files()["journal/00"])
    let place = (0..<content.count - 400).first { Array(content[$0..<$0 + 400]) == body }
    disk.flipBit(5, ofByte: try #require(place) + 30, in: "journal/00")
    for chunk in [100, 150, 4096] {
      #expect(try read(store, 1, chunk: chunk).bytes == makeBody(1, size: 400))
      let (bytes, error) = try read(store, 2, chunk: chunk)
      #expect(bytes.count < 400 && error?.isDamage == true)
    }
    let findings = try store.verify(after: nil, limit: 10).findings
    #expect(findings.allSatisfy { $0.record.hasSuffix(" 00000002") } && !findings.isEmpty)
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(1, 1)])
    #expect(try store.quarantined().map(\.name) == ["record-00000002"])
  }

  @Test(
    "costs each reader of a body in the journal the chunk alone, however many envelopes there are"
  )
  func readersOfMany() throws {
    let disk = MemoryDisk()
    let envelopes: UInt32 = 500
    for isReplayed in [false, true] {
      let store = makeStore(isReplayed ? disk.afterPowerCut(.nothing) : disk)
      let memory = try #require(store.disk as? MemoryDisk)
      _ = try store.open()
      if !isReplayed {
        try store.apply([.insert(newMessage(1, envelopes: envelopes, size: 400))])
      }
      #expect(try read(store, 1, chunk: 4096).bytes == makeBody(1, size: 400))
      var before = memory.bytesRead
      for _ in 0..<envelopes {
        #expect(try read(store, 1, chunk: 4096).bytes == makeBody(1, size: 400))
      }
      // With the checksum before the record at each end.
      #expect(memory.bytesRead - before == Int(envelopes) * (400 + GroupWriter.frameSize))
      before = memory.bytesRead
      // A last chunk alone: what is before it in the body is read once more.
      #expect(try store.body(of: messageID(1), from: 201, count: 4096).count == 199)
      #expect(memory.bytesRead - before == 199 + 400 + GroupWriter.frameSize)
    }
  }

  @Test("takes along what the journal has of the message, and no restart brings that back")
  func changedMeanwhile() throws {
    let disk = try spool()
    let store = makeStore(disk)
    _ = try store.open()
    try store.apply([
      .update(envelopeID(1, 1), .deferred(at: .epoch, status: nil, error: "later")),
      .removeEnvelope(envelopeID(1, 2)), .insert(newMessage(3)),
    ])
    disk.flipBit(0, ofByte: 50, in: SpoolTree.bodyPath(of: messageID(1)))
    #expect(try read(store, 1, chunk: 60).error?.isDamage == true)
    let findings = try store.verify(after: nil, limit: 10).findings
    #expect(findings.map(\.record) == ["message 00000001"])
    #expect(findings.map(\.problem) == ["its body: wrong checksum"])
    let left = [envelopeID(2, 1), envelopeID(3, 1)]
    #expect(try allEnvelopes(store).keys.sorted() == left)
    #expect(store.statistics().envelopes == 2 && store.statistics().messages == 2)
    #expect(try store.verify(after: nil, limit: 10).findings.isEmpty)
    for survival in [MemoryDisk.Survival.nothing, .everything] {
      let again = makeStore(disk.afterPowerCut(survival))
      _ = try again.open()
      #expect(try allEnvelopes(again).keys.sorted() == left)
      #expect(try again.quarantined().map(\.name) == ["message-00000001"])
      let back = try again.restore(quarantined: "message-00000001")
      #expect(back.envelopes == [envelopeID(1, 1)] && back.doubtful == ["body 00000001"])
      #expect(try again.envelope(envelopeID(1, 1))?.envelope.progress.tries == 1)
      #expect(try read(again, 1, chunk: 60).error == nil)
    }
  }

  @Test(
    "of a body that the journal has whole as well: a crash brings that one back, with its changes"
  )
  func wholeInJournal() throws {
    let disk = MemoryDisk()
    var limits = roomyLimits()
    limits.sliceMessages = 1
    let store = makeStore(disk, limits)
    _ = try store.open()
    try store.apply([.insert(newMessage(1, envelopes: 2)), .insert(newMessage(2))])
    store.journal.closeCurrent()
    try store.checkpointSlice()
    try store.apply([
      .update(envelopeID(1, 1), .deferred(at: .epoch, status: nil, error: "later")),
      .removeEnvelope(envelopeID(1, 2)),
    ])
    disk.flipBit(0, ofByte: 50, in: SpoolTree.bodyPath(of: messageID(1)))
    #expect(try store.verify(after: nil, limit: 10).findings.count == 1)
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(2, 1)])

    let left = disk.afterPowerCut(.nothing)
    let again = makeStore(left, limits)
    _ = try again.open()
    #expect(try again.quarantined().map(\.name) == ["message-00000001"])
    #expect(try allEnvelopes(again).keys.sorted() == [envelopeID(1, 1), envelopeID(2, 1)])
    #expect(try again.envelope(envelopeID(1, 1))?.envelope.progress.tries == 1)
    #expect(try read(again, 1, chunk: 60).bytes == makeBody(1, size: 100))
    // The damaged one is not put over it.
    #expect(throws: StoreError.self) { try again.restore(quarantined: "message-00000001") }
    try again.close(within: .seconds(100))
    let third = makeStore(left.afterPowerCut(.nothing), limits)
    _ = try third.open()
    #expect(try read(third, 1, chunk: 60).bytes == makeBody(1, size: 100))
  }

  /// A store with a damaged body in a file, and changes of its message and mail of others in the journal.
  private func damaged(others: UInt32) throws -> MemoryDisk {
    let disk = try spool()
    let store = makeStore(disk, roomyLimits())
    _ = try store.open()
    for number in 3..<3 + others { try store.apply([.insert(newMessage(number))]) }
    try store.apply([
      .update(envelopeID(1, 1), .deferred(at: .epoch, status: nil, error: "later")),
      .removeEnvelope(envelopeID(1, 2)),
    ])
    disk.flipBit(0, ofByte: 50, in: SpoolTree.bodyPath(of: messageID(1)))
    return disk.afterPowerCut(.nothing)
  }

  @Test("costs one step of its own, however much the journal has of others")
  func boundedStep() throws {
    var operations: Set<Int> = []
    for others: UInt32 in [1, 200] {
      let disk = try damaged(others: others)
      let store = makeStore(disk, roomyLimits())
      _ = try store.open()
      let before = disk.operations
      #expect(try store.verify(after: nil, limit: 1).findings.count == 1)
      operations.insert(disk.operations - before)
      #expect(store.journaledMessages == Int(others))
      #expect(disk.files(below: "queue").count == 2, "the files of message 2 alone")
    }
    #expect(operations.count == 1, "\(operations)")
  }

  @Test("and a power cut at any moment of that leave the message whole, in one of two places")
  func powerCuts() throws {
    let clean = try damaged(others: 3)
    let others = (2...5).map { envelopeID($0, 1) }
    let quarantined = ["message-00000001"]
    var outcomes: Set<Bool> = []
    for operation in 1... {
      let disk = clean.afterPowerCut(.nothing)
      let store = makeStore(disk, roomyLimits())
      _ = try store.open()
      let last = disk.operations + operation
      disk.fault = .powerCut(at: last)
      _ = try? store.verify(after: nil, limit: 10)
      for survival in [MemoryDisk.Survival.nothing, .everything, .chance(seed: UInt64(operation))] {
        let again = makeStore(disk.afterPowerCut(survival), roomyLimits())
        _ = try again.open()
        let isAside = try again.quarantined().map(\.name) == quarantined
        outcomes.insert(isAside)
        let left = (isAside ? [] : [envelopeID(1, 1)]) + others
        #expect(try allEnvelopes(again).keys.sorted() == left, "operation \(operation)")
        #expect(again.statistics().envelopes == left.count)
        _ = try again.verify(after: nil, limit: 10)
        let back = try again.restore(quarantined: quarantined[0])
        #expect(back.envelopes == [envelopeID(1, 1)], "operation \(operation)")
        #expect(try again.envelope(envelopeID(1, 1))?.envelope.progress.tries == 1)
        // The journal has its changes still, which are the same.
        let third = makeStore((again.disk as? MemoryDisk ?? disk).afterPowerCut(.nothing))
        _ = try third.open()
        #expect(try allEnvelopes(third).keys.sorted() == [envelopeID(1, 1)] + others)
      }
      if disk.operations < last { break }
    }
    #expect(outcomes == [false, true])
  }

  @Test(
    "of a body that was accepted as another is given to an envelope that comes back later",
    arguments: [false, true]
  )
  func envelopeAlone(isLeft: Bool) throws {
    let disk = try spool()
    let path = SpoolTree.path(of: envelopeID(1, 1))
    let good = try #require(disk.files()[path])
    let refused = [path, "quarantine/message-00000001/\(envelopeID(1, 1))"]
    if isLeft {
      for path in refused { disk.refuse(path, errno: 13) }
    } else {
      disk.flipBit(7, ofByte: 0, in: path)
    }
    let store = makeStore(disk)
    _ = try store.open()
    #expect(try allEnvelopes(store).count == 2)
    disk.flipBit(0, ofByte: 50, in: SpoolTree.bodyPath(of: messageID(1)))
    #expect(
      try store.verify(after: nil, limit: 10).findings.contains { $0.record == "message 00000001" }
    )
    let back = try store.restore(quarantined: "message-00000001")
    #expect(back.envelopes == [envelopeID(1, 2)] && back.doubtful == ["body 00000001"])

    let name = "envelope-\(envelopeID(1, 1))"
    if isLeft {
      for path in refused { disk.refuse(path, errno: nil) }
    } else {
      disk.flipBit(7, ofByte: 0, in: "quarantine/\(name)")
      #expect(disk.files()["quarantine/\(name)"] == good)
    }
    #expect(try store.restore(quarantined: name).envelopes == [envelopeID(1, 1)])
    #expect(Set(words(1, disk)).count == 1)
    #expect(try read(store, 1, chunk: 60).error == nil)
    #expect(try store.verify(after: nil, limit: 10).findings.isEmpty)
    // What it says is what the message has when it is the last one.
    try store.apply([.removeEnvelope(envelopeID(1, 2))])
    try store.close(within: .seconds(100))
    let again = makeStore(disk.afterPowerCut(.nothing))
    _ = try again.open()
    #expect(try read(again, 1, chunk: 60).error == nil)
    #expect(try again.envelope(envelopeID(1, 1)) != nil)
  }

  @Test("is not missed where an earlier version, or OpenSMTPD, has written none")
  func older() throws {
    let disk = try spool()
    try forgetChecksums(disk)
    disk.flipBit(0, ofByte: 50, in: SpoolTree.bodyPath(of: messageID(1)))
    let store = makeStore(disk)
    #expect(try store.open().remarks.isEmpty)
    #expect(try read(store, 1, chunk: 60).error == nil)
    #expect(try store.verify(after: nil, limit: 10).findings.isEmpty)
    try store.apply([
      .update(envelopeID(1, 1), .deferred(at: .epoch, status: nil, error: "later"))
    ])
    try store.close(within: .seconds(100))
    #expect(words(1, disk) == ["none", "none"])
  }

  @Test("of a large body is what its writer says, and in the journal it may be missing")
  func staged() throws {
    for checksum in [nil, Checksum.of(makeBody(1, size: 3000)), 7] {
      let disk = MemoryDisk()
      let store = makeStore(disk)
      _ = try store.open()
      let body = try store.stage.begin(messageID(1))
      try body.append(makeBody(1, size: 3000))
      try body.finish()
      var new = newMessage(1, size: 3000)
      new.body = .staged(size: 3000, checksum: checksum)
      try store.apply([.insert(new)])
      let again = makeStore(disk.afterPowerCut(.nothing))
      #expect(try again.open().recoveredChanges == 1)
      #expect(try (read(again, 1, chunk: 999).error == nil) == (checksum != 7))
      try store.close(within: .seconds(100))
      #expect(words(1, disk) == [checksum.map { word(of: $0) } ?? "none"])
    }
  }

  @Test("holds for readers beside each other, and for one whose body becomes a file half way")
  func readers() throws {
    let disk = try spool(size: 5000)
    let store = makeStore(disk)
    _ = try store.open()
    // The inner readers begin and end where the outer one has come to any chunk.
    let outer = try read(store, 1, chunk: 700) {
      let (first, second) = (try read(store, 1, chunk: 500), try read(store, 2, chunk: 700))
      #expect(first.bytes == makeBody(1, size: 5000) && second.bytes == makeBody(2, size: 5000))
    }
    #expect(outer.error == nil && outer.bytes == makeBody(1, size: 5000))
    // More chunks than are remembered.
    #expect(try read(store, 2, chunk: 500) { _ = try read(store, 1, chunk: 1) }.error == nil)
    try store.apply([.insert(newMessage(5, size: 400))])
    let moved = try read(store, 5, chunk: 150) {
      _ = try store.makeFiles(of: messageID(5))
    }
    #expect(moved.error == nil && moved.bytes == makeBody(5, size: 400))
    disk.flipBit(0, ofByte: 10, in: SpoolTree.bodyPath(of: messageID(1)))
    #expect(try read(store, 1, chunk: 1).error?.isDamage == true)
  }

  @Test("of a spool full of large bodies is looked at in pages that end early")
  func bounded() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk)
    _ = try store.open()
    for number: UInt32 in 1...3 { try store.apply([.insert(newMessage(number, size: 3 << 20))]) }
    let page = try store.verify(after: nil, limit: 10)
    #expect(page.messagesChecked == 2 && page.next == messageID(2))
    #expect(try store.verify(after: page.next, limit: 10).messagesChecked == 1)
  }
}
