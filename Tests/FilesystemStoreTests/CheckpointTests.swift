// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import StoreJournal
import Testing

@testable import FilesystemStore

@Suite("Checkpoints, a step at a time")
struct CheckpointTests {
  private static let later = Instant(milliseconds: 1_700_000_500_456)

  private static func limits() -> FilesystemStore.Limits {
    var limits = FilesystemStore.Limits()
    limits.segmentBytes = 1 << 20
    limits.sliceFiles = 100
    limits.reserveBytes = 0
    return limits
  }

  private static func created(_ disk: MemoryDisk) -> Int {
    disk.trace.count { $0.hasPrefix("create ") }
  }

  private static func check(_ store: FilesystemStore, _ model: Model, _ when: String) throws {
    let difference = try model.difference(from: store)
    #expect(difference == nil, "\(when)")
  }

  /// What happens to a message of which some envelopes are files, and some are not.
  private static let changes: [[Change]] = [
    [.removeEnvelope(envelopeID(1, 3)), .removeEnvelope(envelopeID(1, 340))],
    [.update(envelopeID(1, 5), .deferred(at: later, status: nil, error: "written"))],
    [.update(envelopeID(1, 341), .deferred(at: later, status: nil, error: "not written"))],
    [.add(makeEnvelope(1, 900))],
  ]

  @Test("a message to many becomes files a step at a time, and changes meanwhile")
  func parts() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk, CheckpointTests.limits())
    _ = try store.open()
    var model = Model()
    func apply(_ batch: [Change]) throws {
      try store.apply(batch)
      model.apply(batch)
    }
    try apply([.insert(newMessage(1, envelopes: 350)), .insert(newMessage(2, envelopes: 2))])
    store.journal.closeCurrent()
    var steps = 0
    while !store.journal.closed.isEmpty {
      disk.clearTrace()
      try store.checkpointSlice()
      // The body, and a step's envelopes.
      #expect(CheckpointTests.created(disk) <= 101, "step \(steps)")
      try CheckpointTests.check(store, model, "after step \(steps)")
      if steps < CheckpointTests.changes.count { try apply(CheckpointTests.changes[steps]) }
      steps += 1
    }
    #expect(steps >= 4)
    try CheckpointTests.check(store, model, "at the end")
    _ = try store.close(within: .seconds(100))
    #expect(disk.files()["queue/00/00000001/message"] != nil)
    let again = makeStore(disk, CheckpointTests.limits())
    _ = try again.open()
    try CheckpointTests.check(again, model, "opened again")
    try again.apply([.removeMessage(messageID(1))])
    model.apply([.removeMessage(messageID(1))])
    _ = try again.close(within: .seconds(100))
    #expect(disk.files().keys.allSatisfy { !$0.hasPrefix("queue/00/00000001/") })
  }

  @Test("what is stopped between the steps of a message is all there", arguments: 0..<5)
  func stopped(steps: Int) throws {
    let disk = MemoryDisk()
    let store = makeStore(disk, CheckpointTests.limits())
    _ = try store.open()
    var model = Model()
    let new = [Change.insert(newMessage(1, envelopes: 350))]
    try store.apply(new)
    model.apply(new)
    store.journal.closeCurrent()
    for step in 0..<steps {
      try store.checkpointSlice()
      guard step < CheckpointTests.changes.count else { continue }
      try store.apply(CheckpointTests.changes[step])
      model.apply(CheckpointTests.changes[step])
    }
    for survival in [MemoryDisk.Survival.nothing, .everything] {
      let left = disk.afterPowerCut(survival)
      let again = makeStore(left, CheckpointTests.limits())
      let report = try again.open()
      #expect(report.quarantined == 0)
      try CheckpointTests.check(again, model, "\(survival)")
      _ = try again.close(within: .seconds(100))
      let last = makeStore(left, CheckpointTests.limits())
      _ = try last.open()
      try CheckpointTests.check(last, model, "\(survival), closed and opened again")
    }
  }

  @Test("what is set aside between its steps is set aside as a whole")
  func setAside() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk, CheckpointTests.limits())
    _ = try store.open()
    try store.apply([.insert(newMessage(1, envelopes: 350))])
    store.journal.closeCurrent()
    try store.checkpointSlice()
    try disk.unlink("queue/00/00000001/message")
    // Whoever reads finds that it has no body.
    _ = try allEnvelopes(store)
    while !store.journal.closed.isEmpty { try store.checkpointSlice() }
    let kept = disk.files().keys.filter {
      $0.hasPrefix("quarantine/message-00000001/0000000100")
    }
    #expect(kept.count == 350)
    #expect(try allEnvelopes(store).isEmpty)
  }

  @Test("a step has few files, however many messages and recipients it is about")
  func files() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk, CheckpointTests.limits())
    _ = try store.open()
    for number in 1...20 as ClosedRange<UInt32> {
      try store.apply([.insert(newMessage(number, envelopes: 60))])
    }
    store.journal.closeCurrent()
    while !store.journal.closed.isEmpty {
      disk.clearTrace()
      try store.checkpointSlice()
      #expect(CheckpointTests.created(disk) <= 101)
      #expect(disk.trace.count { $0.hasPrefix("fdatasync ") } <= 16)
    }
    #expect(store.journaledMessages == 0)
  }

  @Test(
    "a damaged message to many is set aside a step at a time, with all that the journal has of it"
  )
  func damaged() throws {
    let disk = MemoryDisk()
    let store = makeStore(disk, CheckpointTests.limits())
    _ = try store.open()
    try store.apply([.insert(newMessage(1, envelopes: 350)), .insert(newMessage(2))])
    try store.close(within: .seconds(100))
    _ = try store.open()
    for low: UInt32 in 1...330 {
      try store.apply([
        .update(envelopeID(1, low), .deferred(at: CheckpointTests.later, status: nil, error: "x"))
      ])
    }
    disk.flipBit(0, ofByte: 50, in: SpoolTree.bodyPath(of: messageID(1)))
    var page = VerifyPage()
    var steps = 0
    var messages = 0
    var envelopes = 0
    var findings: [VerifyFinding] = []
    repeat {
      disk.clearTrace()
      page = try store.verify(after: page.next, limit: 10)
      #expect(disk.trace.count { $0.hasPrefix("rename incoming/envelope.tmp") } <= 100)
      #expect(page.isUnfinished == (steps < 3), "step \(steps)")
      (messages, envelopes) = (messages + page.messagesChecked, envelopes + page.envelopesChecked)
      findings += page.findings
      steps += 1
    } while page.next != nil || page.isUnfinished
    #expect(steps == 5 && messages == 2 && envelopes == 351)
    #expect(
      findings == [VerifyFinding(record: "message 00000001", problem: "its body: wrong checksum")]
    )
    let kept = disk.files(below: "quarantine/message-00000001").filter {
      String(decoding: $0.value, as: UTF8.self).contains("\nerrorline: x\n")
    }
    #expect(kept.count == 330)
    #expect(try allEnvelopes(store).keys.sorted() == [envelopeID(2, 1)])
    let again = makeStore(disk.afterPowerCut(.nothing), CheckpointTests.limits())
    _ = try again.open()
    #expect(try allEnvelopes(again).keys.sorted() == [envelopeID(2, 1)])
  }
}
