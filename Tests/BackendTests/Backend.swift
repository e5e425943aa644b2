// SPDX-License-Identifier: ISC

import Disk
import Mail
import Queue
import TableStore
import Testing

@testable import FilesystemStore
@testable import LMDBStore
@testable import MemoryStore
@testable import SQLiteStore

/// The stores that the one contract is for.
enum Backend: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case ram
  case fs
  case sqlite
  case lmdb

  static let durable: [Backend] = allCases.filter { $0 != .ram }
  /// Those whose records are rows of `RecordTables`.
  static let tabular: [Backend] = [.sqlite, .lmdb]

  var testDescription: String { rawValue }

  func store(in spool: Spool, locking: SpoolLocking = .take) -> any Store {
    store(on: spool.disk, locking: locking)
  }

  func store(on disk: any Disk, locking: SpoolLocking = .take) -> any Store {
    let clock: @Sendable () -> Instant = { Spool.now }
    return switch self {
    case .ram: MemoryStore()
    case .fs: FilesystemStore(disk: disk, locking: locking, clock: clock)
    case .sqlite: TableStore.sqlite(disk: disk, locking: locking, clock: clock)
    case .lmdb: TableStore.lmdb(disk: disk, locking: locking, clock: clock)
    }
  }

  /// Where large bodies of that store are.
  func stage(in spool: Spool) -> BodyStage {
    switch self {
    case .ram, .fs: BodyStage(disk: spool.disk)
    case .sqlite: BodyStage(disk: spool.disk, store: TableStore.sqliteDirectory)
    case .lmdb: BodyStage(disk: spool.disk, store: TableStore.lmdbDirectory)
    }
  }

  /// A store that is open and empty.
  func opened(in spool: Spool) throws -> any Store {
    let store = store(in: spool)
    _ = try store.open()
    return store
  }

  /// The tables alone, for damage.
  func tables(in spool: Spool) throws -> any RecordTables {
    switch self {
    case .sqlite: SQLiteTables(disk: spool.disk, limits: SQLiteLimits())
    case .lmdb: LMDBTables(disk: spool.disk, limits: LMDBLimits(), clock: { Spool.now })
    case .ram, .fs: throw Unsupported()
    }
  }

  struct Unsupported: Error {}

  /// Flips one bit of a record of a store that is closed.
  func flip(_ table: RecordTable, _ key: UInt64, at index: Int, in spool: Spool) throws {
    let tables = try tables(in: spool)
    _ = try tables.open()
    defer { tables.close() }
    var row = try #require(try tables.row(table, key))
    row.content[index] ^= 0x10
    try tables.begin(expecting: 0)
    try tables.put(table, row)
    try tables.commit()
  }

  /// Removes a record of a store that is closed.
  func drop(_ table: RecordTable, _ key: UInt64, in spool: Spool) throws {
    let tables = try tables(in: spool)
    _ = try tables.open()
    defer { tables.close() }
    try tables.begin(expecting: 0)
    #expect(try tables.remove(table, key))
    try tables.commit()
  }
}

/// A directory for one test, removed with it.
final class Spool: Sendable {
  static let now = Instant(seconds: 1_700_000_000)
  static let parent = "/tmp"

  let name: String
  let disk: LinuxDisk

  init() throws {
    let parent = try LinuxDisk(root: Spool.parent)
    name = "talaria-store-\(UInt64.random(in: 0 ... .max))"
    try parent.makeDirectory(name)
    disk = try LinuxDisk(root: "\(Spool.parent)/\(name)")
  }

  deinit {
    guard let parent = try? LinuxDisk(root: Spool.parent) else { return }
    Spool.remove(name, parent)
  }

  private static func remove(_ path: String, _ disk: LinuxDisk) {
    for entry in (try? disk.list(path)) ?? [] {
      let inner = "\(path)/\(entry.name)"
      if entry.kind == .directory { remove(inner, disk) } else { try? disk.unlink(inner) }
    }
    try? disk.removeDirectory(path)
  }

  /// A copy as it is now: what a process that is killed leaves.
  func copied() throws -> Spool {
    let copy = try Spool()
    try copy.take("", from: disk)
    return copy
  }

  private func take(_ path: String, from source: LinuxDisk) throws {
    for entry in try source.list(path) {
      let inner = path.isEmpty ? entry.name : "\(path)/\(entry.name)"
      guard entry.kind != .directory else {
        try disk.ensureDirectory(inner)
        try take(inner, from: source)
        continue
      }
      let content = try source.content(of: inner, atMost: 1 << 30) ?? []
      let file = try disk.open(inner, .create)
      defer { disk.close(file) }
      try disk.write(content, to: file, at: 0)
    }
  }

  /// Overwrites bytes of a file.
  func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws {
    let file = try disk.open(path, .write)
    defer { disk.close(file) }
    try disk.write(bytes, to: file, at: offset)
  }

  /// A body as the queue stages it for a store.
  @discardableResult
  func stage(
    _ bytes: [UInt8],
    for message: MessageID,
    _ backend: Backend
  ) throws -> StagedBody.Content {
    let stage = backend.stage(in: self)
    try stage.open()
    let body = try stage.begin(message)
    try body.append(Array(bytes.prefix(bytes.count / 2)))
    try body.append(Array(bytes.dropFirst(bytes.count / 2)))
    return try body.finish()
  }

  /// Flips one bit of a file.
  func flip(_ path: String, at index: Int) throws {
    let file = try disk.open(path, .write)
    defer { disk.close(file) }
    let byte = try #require(try disk.read(file, at: index, count: 1).first)
    try disk.write([byte ^ 0x10], to: file, at: index)
  }
}
