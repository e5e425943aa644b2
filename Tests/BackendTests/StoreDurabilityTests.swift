// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import Synchronization
import TableStore
import Testing

@Suite("Every store that lasts")
struct StoreDurabilityTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  @Test("has after opening again what it had", arguments: Backend.durable)
  func reopen(backend: Backend) throws {
    var expected: [StoredEnvelope] = []
    do {
      let store = try backend.opened(in: spool)
      try store.apply((1...5).map { .insert(try Sample.mail($0, envelopes: 2)) })
      try store.apply([.removeMessage(try Sample.id(2)), .set("cursor", [7])])
      try store.apply([.update(try Sample.envelopeID(3), .crashed)])
      expected = try store.everything()
      try store.close(within: .seconds(1))
    }
    let store = backend.store(in: spool)
    let report = try store.open()
    #expect(report.quarantined == 0)
    #expect(report.remarks.isEmpty)
    #expect(try store.everything() == expected)
    #expect(try store.setting("cursor") == [7])
    #expect(try store.body(of: try Sample.id(5)) == Sample.body(5))
    #expect(store.statistics().messages == 4)
    #expect(store.statistics().envelopes == 8)
    #expect(store.statistics().bodyBytes == 1200)
    try store.apply([.insert(try Sample.mail(9))])
    let again = try store.reopen()
    #expect(again.quarantined == 0)
    #expect(store.statistics().messages == 5)
  }

  @Test("has after a process that did not close it what it had", arguments: Backend.durable)
  func abandoned(backend: Backend) throws {
    try backend.opened(in: spool).apply([.insert(try Sample.mail(1))])
    let store = try backend.opened(in: spool)
    #expect(try store.everything().count == 1)
    #expect(store.statistics().messages == 1)
  }

  @Test("is one process's at a time, and says whose", arguments: Backend.durable)
  func busy(backend: Backend) throws {
    let first = try backend.opened(in: spool)
    let second = backend.store(in: spool)
    let error = #expect(throws: StoreError.self) { try second.open() }
    guard case .busy(_, let holder?) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(holder > 0)
    try first.apply([.insert(try Sample.mail(1))])
    try first.close(within: .seconds(1))
    _ = try second.open()
    #expect(try second.everything().count == 1)
  }

  /// A file without which a store is damaged.
  private static let vital = [
    (Backend.fs, "format"), (.sqlite, "sqlite/queue.db"), (.lmdb, "lmdb/data.mdb"),
  ]

  @Test("tells of itself by the path that people know", arguments: vital)
  func shownPath(backend: Backend, file: String) throws {
    let disk = try LinuxDisk(root: spool.disk.root, shownAs: "/shown")
    let first = backend.store(on: disk)
    _ = try first.open()
    try first.apply([.insert(try Sample.mail(1))])
    let busy = try #require(throws: StoreError.self) { try backend.store(on: disk).open() }
    #expect("\(busy)".hasPrefix("/shown is in use by process "), "\(busy)")
    try first.close(within: .seconds(1))
    let found = try backend.opened(in: spool)
    #expect(try found.everything().count == 1)
    try found.close(within: .seconds(1))
    try spool.overwrite(file, at: 0, with: Array(repeating: 0x78, count: 8192))
    let damaged = try #require(throws: StoreError.self) { try backend.store(on: disk).open() }
    #expect("\(damaged)".hasPrefix("/shown/\(file): "), "\(damaged)")
  }

  @Test(
    "keeps the spool while it is opened again, also when that fails",
    arguments: Backend.durable
  )
  func kept(backend: Backend) throws {
    let disk = FaultyDisk(spool.disk)
    let store = backend.store(on: disk)
    _ = try store.open()
    try store.apply([.insert(try Sample.mail(1))])
    let taken = Mutex<[StoreError?]>([])
    let other = spool.disk
    disk.fail { operation, _ in
      guard operation == .synchronizeDirectory else { return false }
      taken.withLock { $0.append(attempt(on: other)) }
      return true
    }
    for _ in 0..<3 {
      #expect(throws: StoreError.self) { try store.reopen() }
      #expect(attempt(on: spool.disk)?.isBusy == true)
      let error = #expect(throws: StoreError.self) {
        try store.apply([.insert(try Sample.mail(2))])
      }
      guard case .sealed = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
    #expect(taken.withLock { $0.count >= 3 && $0.allSatisfy { $0?.isBusy == true } })
    disk.mend()
    _ = try store.reopen()
    #expect(attempt(on: spool.disk)?.isBusy == true)
    try store.apply([.insert(try Sample.mail(2))])
    #expect(try store.everything().count == 2)
    try store.close(within: .seconds(1))
    #expect(attempt(on: spool.disk) == nil)
  }

  @Test("refuses the file of a newer version", arguments: Backend.tabular)
  func newer(backend: Backend) throws {
    try backend.opened(in: spool).close(within: .seconds(1))
    try backend.pretendNewer(in: spool)
    let error = #expect(throws: StoreError.self) { try backend.opened(in: spool) }
    guard case .newerVersion(_, 99, let supported) = error,
      supported == (backend == .lmdb ? 2 : 1)
    else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("counts anew when its totals are lost", arguments: Backend.tabular)
  func totals(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    try store.apply((1...3).map { .insert(try Sample.mail($0, envelopes: 2)) })
    try store.close(within: .seconds(1))
    try backend.damageSetting("store.totals", in: spool)
    let report = try store.open()
    #expect(report.remarks.count == 1)
    #expect(store.statistics().messages == 3)
    #expect(store.statistics().envelopes == 6)
    #expect(store.statistics().bodyBytes == 900)
  }

  @Test(
    "reads staged bodies as files, and removes them with their message",
    arguments: Backend.durable
  )
  func staged(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    let bytes = Sample.body(4, size: 100_000)
    try spool.stage(bytes, for: try Sample.id(4), backend)
    try store.apply([.insert(try Sample.staged(4, size: bytes.count))])
    #expect(try store.body(of: try Sample.id(4)) == bytes)
    let part = try store.body(of: try Sample.id(4), from: 99_990, count: 100)
    #expect(part == Array(bytes.suffix(10)))
    #expect(try store.body(of: try Sample.id(4), from: 200_000, count: 1).isEmpty)
    #expect(store.statistics().bodyBytes == 100_000)
    #expect(try store.verifyAll().isEmpty)
    try store.apply([.removeMessage(try Sample.id(4))])
    #expect(try backend.stage(in: spool).size(of: try Sample.id(4)) == nil)
    #expect(store.statistics().bodyBytes == 0)
  }

  @Test("sweeps staged files without a message when it opens", arguments: Backend.durable)
  func sweep(backend: Backend) throws {
    let store = try backend.opened(in: spool)
    for number: UInt32 in 1...3 { try spool.stage([1, 2, 3], for: try Sample.id(number), backend) }
    try store.apply([.insert(try Sample.staged(2, size: 3))])
    // Not after a failure: messages that are on their way have staged bodies.
    #expect(try store.reopen().orphansRemoved == 0)
    try store.close(within: .seconds(1))
    let again = backend.store(in: spool)
    #expect(try again.open().orphansRemoved == 2)
    #expect(try again.body(of: try Sample.id(2)) == [1, 2, 3])
  }

  @Test(
    "leaves the staged files of another store alone",
    arguments: Backend.durable,
    Backend.durable
  )
  func neighbour(backend: Backend, other: Backend) throws {
    guard backend != other else { return }
    let first = try other.opened(in: spool)
    try spool.stage([1, 2, 3], for: try Sample.id(1), other)
    try first.apply([.insert(try Sample.staged(1, size: 3))])
    try first.close(within: .zero)
    let store = backend.store(in: spool)
    #expect(try store.open().orphansRemoved == 0)
    try store.close(within: .seconds(1))
    _ = try first.open()
    #expect(try first.body(of: try Sample.id(1)) == [1, 2, 3])
  }
}

/// What another process that wants the spool is told; nil when it would get it.
private func attempt(on disk: LinuxDisk) -> StoreError? {
  do throws(StoreError) {
    _ = try SpoolLock.take(on: disk)
    return nil
  } catch {
    return error
  }
}

extension StoreError {
  fileprivate var isBusy: Bool {
    if case .busy = self { return true }
    return false
  }
}
