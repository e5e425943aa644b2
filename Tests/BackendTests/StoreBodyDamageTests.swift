// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import Testing

@Suite("A bit flipped in a body")
struct StoreBodyDamageTests {
  /// Of one read, as delivery asks for it.
  private static let chunk = 65_536

  let spool: Spool

  init() throws { spool = try Spool() }

  /// A store that was closed with three messages of two envelopes each, of which the second has a
  /// flipped bit in its body.
  private func damaged(_ backend: Backend, size: Int, at index: Int) throws -> any Store {
    let store = try backend.opened(in: spool)
    try store.apply((1...3).map { .insert(try Sample.mail($0, envelopes: 2, size: size)) })
    try store.close(within: .seconds(60))
    try backend.flipBody(try Sample.id(2), at: index, in: spool)
    _ = try store.open()
    return store
  }

  /// What a reader of chunks gets of a body, and the error that ends it.
  private func stream(_ store: any Store, _ number: UInt32) throws -> ([UInt8], StoreError?) {
    var read: [UInt8] = []
    do {
      while true {
        let chunk = Self.chunk
        let bytes = try store.body(of: try Sample.id(number), from: read.count, count: chunk)
        read += bytes
        guard bytes.count == chunk else { return (read, nil) }
      }
    } catch let error as StoreError {
      return (read, error)
    }
  }

  private static let places = [(300, 0), (300, 299), (200_000, 70_000), (131_072, 131_071)]

  @Test("is found while the body is read, before all of it is", arguments: Backend.durable)
  func streamed(backend: Backend) throws {
    for (size, index) in Self.places {
      let store = try damaged(backend, size: size, at: index)
      for number: UInt32 in [1, 3] {
        let (read, error) = try stream(store, number)
        #expect(error == nil && read == Sample.body(number, size: size), "\(size)")
      }
      let (read, error) = try stream(store, 2)
      #expect(read.count < size, "the whole of it was read")
      guard case .damaged? = error else {
        Issue.record("\(size), \(index): \(String(describing: error))")
        continue
      }
      try store.apply((1...3).map { .removeMessage(try Sample.id($0)) })
      try store.close(within: .seconds(60))
    }
  }

  @Test(
    "takes its message to quarantine, which comes back with a warning",
    arguments: Backend.durable
  )
  func quarantined(backend: Backend) throws {
    let store = try damaged(backend, size: 300, at: 299)
    let findings = try store.verifyAll()
    #expect(findings.count == 1 && findings[0].record.hasSuffix("00000002"), "\(findings)")
    #expect(findings[0].problem.contains("checksum"))
    #expect(try store.verifyAll().isEmpty)
    #expect(Set(try store.everything().map(\.message.id.rawValue)) == [1, 3])
    #expect(try store.quarantined().contains { $0.name == "message-00000002" })
    let back = try store.restore(quarantined: "message-00000002")
    #expect(back.envelopes == [try Sample.envelopeID(2, 1), try Sample.envelopeID(2, 2)])
    #expect(back.doubtful == ["body 00000002"])
    var body = Sample.body(2)
    body[299] ^= 0x10
    // What is put back counts as whole: it was for the operator to judge.
    #expect(try store.body(of: try Sample.id(2)) == body)
    #expect(try store.verifyAll().isEmpty)
    try store.close(within: .seconds(60))
    _ = try store.open()
    #expect(try store.body(of: try Sample.id(2)) == body)
  }

  @Test("in a large body that is a file is found as well", arguments: Backend.durable)
  func staged(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    for number: UInt32 in 1...2 {
      let bytes = Sample.body(number, size: 300_000)
      let content = try spool.stage(bytes, for: try Sample.id(number), backend)
      let new = try Sample.staged(number, size: bytes.count, checksum: content.checksum)
      try store.apply([.insert(new)])
      #expect(try stream(store, number).0 == bytes)
    }
    try backend.flipStaged(try Sample.id(2), at: 200_000, in: spool)
    for _ in 0..<2 {
      #expect(try stream(store, 1).1 == nil)
      let (read, error) = try stream(store, 2)
      guard case .damaged? = error, read.count < 300_000 else {
        Issue.record("\(String(describing: error)) after \(read.count)")
        return
      }
      // With `fs` the file is another one from here on.
      try store.close(within: .seconds(60))
      _ = try store.open()
    }
    #expect(try store.verifyAll().count == 1)
    #expect(try store.everything().map(\.message.id.rawValue) == [1])
    #expect(try store.verifyAll().isEmpty)
    #expect(try stream(store, 1).0 == Sample.body(1, size: 300_000))
    let back = try store.restore(quarantined: "message-00000002")
    #expect(back.envelopes.count == 1 && back.doubtful.count == 1, "\(back)")
    let (read, error) = try stream(store, 2)
    #expect(error == nil && read.count == 300_000)
    #expect(try store.verifyAll().isEmpty)
  }

  @Test("ends a copy of the queue", arguments: Backend.durable)
  func copied(backend: Backend) throws {
    let store = try damaged(backend, size: 200_000, at: 70_000)
    let target = Backend.ram.store(in: spool)
    _ = try target.open()
    var copy = StoreCopy(from: store, named: "here", to: target, settings: [], stage: nil)
    let error = #expect(throws: CopyError.self) { try copy.run { _ in } }
    guard case .source(.damaged)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try target.everything().allSatisfy { $0.message.id.rawValue == 1 })
  }
}
