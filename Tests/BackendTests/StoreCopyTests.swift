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
    _ spool: Spool,
    named name: String = "a queue"
  ) -> StoreCopy {
    var limits = StoreCopy.Limits()
    limits.inline = 1000
    limits.chunk = 700
    limits.messages = 3
    limits.page = 2
    let disk = spool.disk
    return StoreCopy(
      from: source,
      named: name,
      to: target,
      settings: ["cursor", "pauses"],
      stage: target is MemoryStore
        ? nil
        : { (message, chunk) throws(StoreError) in
          let stage = BodyStage(disk: disk)
          try stage.open()
          return try stage.copy(message, on: disk, chunk)
        },
      limits: limits
    )
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
    var copy = copy(source, target, other)
    let progress = try copy.run { _ in }
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
      var first = copy(source, target, spool)
      if (try? first.run { _ in }) != nil { continue }
      target.failure = nil
      var second = copy(source, target, spool)
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
    var first = copy(source, target, spool)
    #expect(throws: CopyError.destination(.full(path: "ram"))) { try first.run { _ in } }
    target.failure = nil
    try source.apply([
      .removeMessage(try Sample.id(5)), .update(try Sample.envelopeID(6), .crashed),
      .removeEnvelope(try Sample.envelopeID(7, 2)), .insert(try Sample.mail(25)),
    ])
    var second = copy(source, target, spool)
    _ = try second.run { _ in }
    #expect(try target.everything() == source.everything())
  }

  @Test("is refused where there is other mail")
  func refused() throws {
    let source = MemoryStore()
    try fill(source)
    let full = MemoryStore()
    try fill(full)
    var copy = copy(source, full, spool)
    #expect(throws: CopyError.notEmpty) { try copy.run { _ in } }
    let marked = MemoryStore()
    try marked.apply([.set(StoreCopy.mark, Array("another".utf8))])
    copy = self.copy(source, marked, spool)
    #expect(throws: CopyError.otherSource("another")) { try copy.run { _ in } }
  }

  @Test("can be made between two stores of one spool")
  func oneSpool() throws {
    let lock = try SpoolLock.take(on: spool.disk)
    let source = Backend.sqlite.store(in: spool, locking: .heldByCaller)
    _ = try source.open()
    let bytes = Sample.body(1, size: 5000)
    try spool.stage(bytes, for: try Sample.id(1))
    try source.apply([.insert(try Sample.staged(1, size: 5000)), .insert(try Sample.mail(2))])
    let target = Backend.lmdb.store(in: spool, locking: .heldByCaller)
    _ = try target.open()
    var copy = copy(source, target, spool)
    _ = try copy.run { _ in }
    #expect(try target.body(of: try Sample.id(1)) == bytes)
    #expect(try source.body(of: try Sample.id(1)) == bytes)
    withExtendedLifetime(lock) {}
  }
}
