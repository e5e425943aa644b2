// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import TableStore
import Testing

@testable import MemoryStore

@Suite("A copy of a queue")
struct StoreCopyTests {
  let spool: Spool
  let other: Spool

  init() throws {
    spool = try Spool()
    other = try Spool()
  }

  private func copy(
    _ source: any Store,
    _ target: any Store,
    stagedBy stage: BodyStage?,
    purpose: StoreCopy.Purpose = .copy,
    named name: String = "a queue"
  ) -> StoreCopy {
    var limits = StoreCopy.Limits()
    limits.inline = 1000
    limits.chunk = 700
    limits.messages = 3
    limits.page = 2
    return StoreCopy(
      from: source,
      named: name,
      to: target,
      purpose: purpose,
      settings: ["cursor", "pauses"],
      stage: stage.map(StoreCopyTests.writer),
      limits: limits
    )
  }

  private static func writer(_ stage: BodyStage) -> StoreCopy.StageBody {
    { (message, chunk) throws(StoreError) in try stage.copy(message, chunk) }
  }

  private func fill(_ store: any Store) throws {
    try store.apply(
      try (1...20).map { .insert(try Sample.mail($0, envelopes: Int($0 % 4) + 1)) }
    )
    try store.apply([.insert(try Sample.mail(30, size: 5000)), .set("cursor", [1, 2, 3])])
  }

  @Test("has everything that the source has", arguments: Backend.allCases, Backend.allCases)
  func everything(from: Backend, to: Backend) throws {
    let source = try from.opened(in: spool)
    try fill(source)
    let target = try to.opened(in: other)
    var copy = copy(source, target, stagedBy: to == .ram ? nil : to.stage(in: other))
    let progress = try copy.run { _ in }
    #expect(try target.setting(StoreCopy.mark) != nil)
    try copy.finish()
    #expect(progress.messagesCopied == 21)
    #expect(progress.messagesVerified == 21)
    #expect(try target.everything() == source.everything())
    #expect(try target.body(of: try Sample.id(30)) == Sample.body(30, size: 5000))
    #expect(try target.setting("cursor") == [1, 2, 3])
    #expect(try target.setting(StoreCopy.mark) == nil)
    #expect(try target.verifyAll().isEmpty)
    #expect(try source.everything().count == target.statistics().envelopes)
  }

  @Test("goes on where it was interrupted, at every step")
  func interrupted() throws {
    let source = MemoryStore()
    try fill(source)
    for steps in 0..<12 {
      let target = MemoryStore()
      var left = steps
      target.failure = { _ in
        left -= 1
        return left < 0 ? .full(path: "ram") : nil
      }
      var first = copy(source, target, stagedBy: nil)
      if (try? first.run { _ in }) != nil { continue }
      target.failure = nil
      var second = copy(source, target, stagedBy: nil)
      let progress = try second.run { _ in }
      #expect(progress.messagesCopied + progress.messagesPresent == 21, "step \(steps)")
      #expect(try target.everything() == source.everything())
    }
  }

  @Test("follows what became of the source in between")
  func changed() throws {
    let source = MemoryStore()
    try fill(source)
    let target = MemoryStore()
    target.failure = { changes in
      if case .set("cursor", _)? = changes.first { .full(path: "ram") } else { nil }
    }
    var first = copy(source, target, stagedBy: nil)
    #expect(throws: CopyError.destination(.full(path: "ram"))) { try first.run { _ in } }
    target.failure = nil
    try source.apply([
      .removeMessage(try Sample.id(5)), .update(try Sample.envelopeID(6), .crashed),
      .removeEnvelope(try Sample.envelopeID(7, 2)), .insert(try Sample.mail(25)),
    ])
    var second = copy(source, target, stagedBy: nil)
    _ = try second.run { _ in }
    #expect(try target.everything() == source.everything())
  }

  @Test("is refused where there is other mail")
  func refused() throws {
    let source = MemoryStore()
    try fill(source)
    let full = MemoryStore()
    try fill(full)
    var copy = copy(source, full, stagedBy: nil)
    #expect(throws: CopyError.notEmpty) { try copy.run { _ in } }
    let marked = MemoryStore()
    try marked.apply([.set(StoreCopy.mark, Array("another".utf8))])
    copy = self.copy(source, marked, stagedBy: nil)
    #expect(throws: CopyError.otherSource("another")) { try copy.run { _ in } }
  }

  @Test(
    "can be made between two stores of one spool, each with files of its own",
    arguments: Backend.durable,
    Backend.durable
  )
  func oneSpool(from: Backend, to: Backend) throws {
    guard from != to else { return }
    let lock = try SpoolLock.take(on: spool.disk)
    let source = from.store(in: spool, locking: .heldByCaller)
    _ = try source.open()
    let bytes = Sample.body(1, size: 5000)
    try spool.stage(bytes, for: try Sample.id(1), from)
    try source.apply([.insert(try Sample.staged(1, size: 5000)), .insert(try Sample.mail(2))])
    let target = to.store(in: spool, locking: .heldByCaller)
    _ = try target.open()
    var copy = copy(source, target, stagedBy: to.stage(in: spool), purpose: .move(to: "there"))
    _ = try copy.run { _ in }
    try copy.finish()
    #expect(try target.body(of: try Sample.id(1)) == bytes)
    try target.apply([.removeMessage(try Sample.id(1))])
    #expect(try source.body(of: try Sample.id(1)) == bytes)
    try source.close(within: .zero)
    try target.close(within: .zero)
    for backend in [from, to] {
      let store = backend.store(in: spool, locking: .heldByCaller)
      #expect(try store.open().orphansRemoved == 0)
      #expect(try store.verifyAll().isEmpty)
      try store.close(within: .zero)
    }
    withExtendedLifetime(lock) {}
  }

  @Test("leaves a source that was moved to nobody, and brings it back up to date")
  func movedAndBack() throws {
    let (first, second) = (MemoryStore(), MemoryStore())
    try fill(first)
    var there = copy(first, second, stagedBy: nil, purpose: .move(to: "second"), named: "first")
    _ = try there.run { _ in }
    try there.finish()
    #expect(try first.setting(StoreCopy.movedMark) == Array("second".utf8))
    var again = copy(first, MemoryStore(), stagedBy: nil, named: "first")
    #expect(throws: CopyError.moved(to: "second")) { try again.run { _ in } }
    try second.apply([
      .removeMessage(try Sample.id(5)), .removeMessage(try Sample.id(30)),
    ])
    try second.apply([
      .insert(try Sample.mail(30, size: 4000)), .insert(try Sample.mail(26)),
    ])
    var back = copy(second, first, stagedBy: nil, purpose: .move(to: "first"), named: "second")
    _ = try back.run { _ in }
    try back.finish()
    #expect(try first.everything() == second.everything())
    #expect(try first.body(of: try Sample.id(30)).count == 4000)
    #expect(try first.setting(StoreCopy.movedMark) == nil)
    #expect(try second.setting(StoreCopy.movedMark) == Array("first".utf8))
  }

  @Test("can be finished when it was interrupted between the two marks")
  func interruptedEnd() throws {
    let (source, target) = (MemoryStore(), MemoryStore())
    try fill(source)
    var first = copy(source, target, stagedBy: nil, purpose: .move(to: "there"))
    _ = try first.run { _ in }
    target.failure = { _ in .full(path: "ram") }
    #expect(throws: CopyError.destination(.full(path: "ram"))) { try first.finish() }
    target.failure = nil
    var second = copy(source, target, stagedBy: nil, purpose: .move(to: "there"))
    _ = try second.run { _ in }
    try second.finish()
    #expect(try target.setting(StoreCopy.mark) == nil)
    var unfinished = copy(target, MemoryStore(), stagedBy: nil)
    try target.apply([.set(StoreCopy.mark, Array("x".utf8))])
    #expect(throws: CopyError.unfinishedSource("x")) { try unfinished.run { _ in } }
  }
}
