// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import TableStore
import Testing

@testable import LMDBStore

@Suite("The LMDB store")
struct LMDBStoreTests {
  let spool: Spool

  init() throws { spool = try Spool() }

  @Test("grows its map before it is needed")
  func growth() throws {
    var limits = LMDBLimits()
    limits.map = 1 << 20
    limits.mapRoom = 1 << 20
    let store = TableStore.lmdb(disk: spool.disk, limits: limits, clock: { Spool.now })
    _ = try store.open()
    let body = [UInt8](repeating: 7, count: 1 << 20)
    for number: UInt32 in 1...32 {
      var mail = try Sample.mail(number)
      mail.body = .bytes(body)
      try store.apply([.insert(mail)])
    }
    #expect(try store.everything().count == 32)
    #expect(try #require(try spool.disk.facts("lmdb/data.mdb")).size > 32 << 20)
    #expect(try store.body(of: try Sample.id(32), from: 0, count: 2 << 20) == body)
    let report = try store.reopen()
    #expect(report.remarks.isEmpty)
    #expect(store.statistics().envelopes == 32)
  }

  @Test("uses freed pages again after a while, and no sooner")
  func freedPages() throws {
    var limits = LMDBLimits()
    limits.pendingChanges = 1
    limits.pinned = 4 << 20
    let store = TableStore.lmdb(disk: spool.disk, limits: limits, clock: { Spool.now })
    _ = try store.open()
    var sizes: [Int] = []
    for number: UInt32 in 1...600 {
      try store.apply([.insert(try Sample.mail(number, size: 4096))])
      try store.apply([.removeMessage(try Sample.id(number))])
      sizes.append(try #require(try spool.disk.facts("lmdb/data.mdb")).size)
    }
    // With a window of 4 MiB each way; without one it would stay far below the first figure, and if
    // nothing were used again it would be far beyond the second.
    #expect(sizes[30] > 1 << 20)
    #expect(try #require(sizes.last) < 10 << 20)
    #expect(try store.everything().isEmpty)
  }

  @Test("gives space back once a large file is nearly empty")
  func space() throws {
    var limits = LMDBLimits()
    limits.compactFrom = 4 << 20
    limits.compactAtMost = 1 << 20
    let store = TableStore.lmdb(disk: spool.disk, limits: limits, clock: { Spool.now })
    _ = try store.open()
    for start: UInt32 in 0..<10 {
      try store.apply((1...100).map { .insert(try Sample.mail(start * 100 + $0, size: 8192)) })
    }
    try store.apply((1...999).map { .removeMessage(try Sample.id($0)) })
    #expect(try #require(try spool.disk.facts("lmdb/data.mdb")).size > 8 << 20)
    #expect(try store.maintain() == .done)
    #expect(try #require(try spool.disk.facts("lmdb/data.mdb")).size < 1 << 20)
    #expect(try store.everything().map(\.message.id.rawValue) == [1000])
    try store.apply([.insert(try Sample.mail(1))])
    let report = try store.reopen()
    #expect(report.remarks.isEmpty)
    #expect(try store.everything().count == 2)
  }

  @Test(
    "goes on with the old file, or opens again, when giving space back fails",
    arguments: [FaultyDisk.Operation.rename, .synchronizeDirectory]
  )
  func failedSpace(_ failing: FaultyDisk.Operation) throws {
    var limits = LMDBLimits()
    limits.compactFrom = 4 << 20
    limits.compactAtMost = 1 << 20
    let disk = FaultyDisk(spool.disk)
    let store = TableStore.lmdb(disk: disk, limits: limits, clock: { Spool.now })
    _ = try store.open()
    for start: UInt32 in 0..<10 {
      try store.apply((1...100).map { .insert(try Sample.mail(start * 100 + $0, size: 8192)) })
    }
    try store.apply((1...999).map { .removeMessage(try Sample.id($0)) })
    disk.fail { operation, path in operation == failing && !path.contains("journal") }
    #expect(throws: StoreError.self) { try store.maintain() }
    if failing == .rename {
      #expect(try store.everything().count == 1)
      try store.apply([.insert(try Sample.mail(1))])
    } else {
      // Under which name the next file is found is not known: nothing is written to it.
      #expect(throws: StoreError.sealed(path: disk.root + "/lmdb")) { try store.everything() }
      #expect(throws: StoreError.sealed(path: disk.root + "/lmdb")) {
        try store.apply([.insert(try Sample.mail(1))])
      }
      #expect(throws: StoreError.self) { try store.reopen() }
    }
    disk.mend()
    if failing == .synchronizeDirectory {
      _ = try store.reopen()
      try store.apply([.insert(try Sample.mail(1))])
    }
    #expect(try store.everything().map(\.message.id.rawValue) == [1, 1000])
    #expect(try store.maintain() == .done)
    #expect(try #require(try spool.disk.facts("lmdb/data.mdb")).size < 1 << 20)
    _ = try store.reopen()
    #expect(try store.everything().count == 2)
  }

  @Test("opens at whatever number its transactions have come to")
  func transactionNumbers() throws {
    var limits = LMDBLimits()
    limits.pendingChanges = 1
    let store = TableStore.lmdb(disk: spool.disk, limits: limits, clock: { Spool.now })
    _ = try store.open()
    for number: UInt32 in 1...300 {
      try store.apply([.insert(try Sample.mail(number))])
      // The list of free pages has several transactions, whose numbers pass 256 on the way.
      try LMDBCheck.run(on: spool.disk, .everything)
    }
  }

  @Test("refuses a file that is no environment")
  func stranger() throws {
    try spool.disk.ensureDirectory("lmdb")
    let file = try spool.disk.open("lmdb/data.mdb", .create)
    try spool.disk.write([UInt8](repeating: 0x55, count: 8192), to: file, at: 0)
    spool.disk.close(file)
    let error = #expect(throws: StoreError.self) { try Backend.lmdb.opened(in: spool) }
    guard case .damaged = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// A closed store of several pages.
  private func prepared() throws -> any Store {
    let store = try Backend.lmdb.opened(in: spool)
    try store.apply((1...200).map { .insert(try Sample.mail($0, envelopes: 3)) })
    try store.apply((1...50).map { .removeMessage(try Sample.id($0)) })
    try store.apply([.insert(try Sample.mail(300, size: 20_000))])
    try store.close(within: .seconds(1))
    return store
  }

  @Test("refuses a file that was cut off")
  func cut() throws {
    let store = try prepared()
    let file = try spool.disk.open("lmdb/data.mdb", .write)
    let meta = try meta(of: file)
    try spool.disk.truncate(file, to: meta.lastPage / 2 * meta.pageSize)
    spool.disk.close(file)
    expectDamaged(store)
  }

  @Test("opens a file whose last pages were freed before they were written")
  func unwritten() throws {
    let store = try prepared()
    let file = try spool.disk.open("lmdb/data.mdb", .write)
    let size = try spool.disk.size(of: file)
    let meta = try meta(of: file)
    // The end as a transaction leaves it that took three more pages and freed them again.
    let last = size / meta.pageSize + 2
    for page in 0...1 {
      let place = page * meta.pageSize + 136
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: last >> (8 * $0)) }
      try spool.disk.write(bytes, to: file, at: place)
    }
    spool.disk.close(file)
    _ = try store.open()
    #expect(try store.everything().count == 451)
    try store.apply([.insert(try Sample.mail(301, size: 50_000))])
    _ = try store.reopen()
    #expect(try store.body(of: try Sample.id(301), from: 0, count: 1 << 20).count == 50_000)
  }

  /// liblmdb would end the process on most of these.
  @Test("refuses a file with a damaged page head or node, or serves it unharmed")
  func damagedPages() throws {
    let store = try prepared()
    let file = try spool.disk.open("lmdb/data.mdb", .write)
    defer { spool.disk.close(file) }
    let pages = try meta(of: file).lastPage + 1
    var refused = 0
    for page in 0..<pages {
      for offset in [0, 10, 12, 14, 16, 40, 128] {
        let place = page * 4096 + offset
        let old = try spool.disk.read(file, at: place, count: 1)
        try spool.disk.write([old[0] ^ 0x40], to: file, at: place)
        do throws(StoreError) {
          try LMDBCheck.run(on: spool.disk, .everything)
        } catch {
          guard case .damaged = error else {
            Issue.record("page \(page), offset \(offset): \(error)")
            return
          }
          refused += 1
        }
        try spool.disk.write(old, to: file, at: place)
      }
    }
    #expect(refused > pages)
    _ = try store.open()
    #expect(try store.everything().count == 451)
  }

  /// What the file says about itself: behind its last page are zeros.
  private func meta(of file: OpenFile) throws -> LMDBFile.Meta {
    let size = try spool.disk.size(of: file)
    return try LMDBFile(disk: spool.disk, path: "", file: file, size: size).meta()
  }

  private func expectDamaged(_ store: any Store) {
    let error = #expect(throws: StoreError.self) { try store.open() }
    guard case .damaged = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
