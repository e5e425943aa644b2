// SPDX-License-Identifier: ISC

internal import CLinux
package import Configuration
package import Disk
internal import FilesystemStore
internal import LMDBStore
internal import Mail
internal import MemoryStore
package import Queue
internal import SQLiteStore
internal import TableStore

/// Makes the store that a word of the configuration stands for, and what belongs to it.
///
/// A spool is given by its path as this process sees it; `ram` has none.
package enum StoreFactory {
  /// Not opened yet.
  package static func store(
    _ backend: QueueBackend,
    spool: String,
    locking: SpoolLocking = .take
  ) throws(StoreError) -> any Store {
    guard backend != .memory else { return MemoryStore() }
    let disk = try disk(spool)
    switch backend {
    case .filesystem: return FilesystemStore(disk: disk, locking: locking, clock: now)
    case .sqlite: return TableStore.sqlite(disk: disk, locking: locking, clock: now)
    case .lmdb: return TableStore.lmdb(disk: disk, locking: locking, clock: now)
    case .memory: return MemoryStore()
    }
  }

  /// Where the large bodies of that store are staged, which another store of the spool never touches;
  /// nil for one that takes all bodies as bytes. Not opened yet.
  package static func stage(
    _ backend: QueueBackend,
    spool: String
  ) throws(StoreError) -> BodyStage? {
    switch backend {
    case .filesystem: BodyStage(disk: try disk(spool))
    case .sqlite: BodyStage(disk: try disk(spool), store: TableStore.sqliteDirectory)
    case .lmdb: BodyStage(disk: try disk(spool), store: TableStore.lmdbDirectory)
    case .memory: nil
    }
  }

  /// The right to be the one process that works on a spool, for stores that leave it to their caller.
  package static func lock(spool: String) throws(StoreError) -> SpoolLock {
    try SpoolLock.take(on: try disk(spool))
  }

  /// Whether a spool has a store of that kind.
  package static func isPresent(
    _ backend: QueueBackend,
    spool: String
  ) throws(StoreError) -> Bool {
    let names: [String] =
      switch backend {
      case .filesystem: ["queue", "journal"]
      case .sqlite: ["\(TableStore.sqliteDirectory)/queue.db"]
      case .lmdb: ["\(TableStore.lmdbDirectory)/data.mdb"]
      case .memory: []
      }
    let disk = try disk(spool)
    return try disk.asStore { () throws(DiskError) in
      for name in names where try disk.facts(name) != nil { return true }
      return false
    }
  }

  static func disk(_ spool: String) throws(StoreError) -> LinuxDisk {
    do throws(DiskError) {
      return try LinuxDisk(root: spool)
    } catch {
      throw error.storeError(in: spool)
    }
  }

  private static let now: @Sendable () -> Instant = {
    Instant(milliseconds: talaria_civil_milliseconds())
  }
}
