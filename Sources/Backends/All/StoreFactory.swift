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
/// A spool is given by its disk; `ram` has none.
package enum StoreFactory {
  /// What a spool has that belongs to the queue's user, and to nobody else: directories of ours and of
  /// OpenSMTPD's.
  package static let ownedDirectories = [
    "queue", "incoming", "temporary", "purge", "staged", "journal", "quarantine",
    TableStore.sqliteDirectory, TableStore.lmdbDirectory,
  ]

  /// Not opened yet.
  package static func store(
    _ backend: QueueBackend,
    on disk: any Disk,
    locking: SpoolLocking = .take
  ) -> any Store {
    switch backend {
    case .filesystem: FilesystemStore(disk: disk, locking: locking, clock: now)
    case .sqlite: TableStore.sqlite(disk: disk, locking: locking, clock: now)
    case .lmdb: TableStore.lmdb(disk: disk, locking: locking, clock: now)
    case .memory: MemoryStore()
    }
  }

  /// Where the large bodies of that store are staged, which another store of the spool never touches;
  /// nil for one that takes all bodies as bytes. Not opened yet.
  package static func stage(_ backend: QueueBackend, on disk: any Disk) -> BodyStage? {
    switch backend {
    case .filesystem: BodyStage(disk: disk)
    case .sqlite: BodyStage(disk: disk, store: TableStore.sqliteDirectory)
    case .lmdb: BodyStage(disk: disk, store: TableStore.lmdbDirectory)
    case .memory: nil
    }
  }

  /// The right to be the one process that works on a spool, for stores that leave it to their caller.
  package static func lock(on disk: any Disk) throws(StoreError) -> SpoolLock {
    try SpoolLock.take(on: disk)
  }

  /// Gives up what is reserved for a full disk, so that a store can be opened there. Returns whether there was
  /// any; a server makes it again.
  package static func releaseReserve(on disk: any Disk) throws(StoreError) -> Bool {
    try SpaceReserve.release(on: disk)
  }

  /// Whether a spool has a store of that kind.
  package static func isPresent(
    _ backend: QueueBackend,
    on disk: any Disk
  ) throws(StoreError) -> Bool {
    let names: [String] =
      switch backend {
      case .filesystem: ["queue", "journal"]
      case .sqlite: ["\(TableStore.sqliteDirectory)/queue.db"]
      case .lmdb: ["\(TableStore.lmdbDirectory)/data.mdb"]
      case .memory: []
      }
    return try disk.asStore { () throws(DiskError) in
      for name in names where try disk.facts(name) != nil { return true }
      return false
    }
  }

  /// The disk of a spool, which is given by its path as this process sees it.
  ///
  /// - Parameter name: the path as people know it, where that is another.
  package static func disk(
    _ spool: String,
    shownAs name: String? = nil
  ) throws(StoreError) -> LinuxDisk {
    do throws(DiskError) {
      return try LinuxDisk(root: spool, shownAs: name)
    } catch {
      throw error.storeError(in: name ?? spool)
    }
  }

  private static let now: @Sendable () -> Instant = {
    Instant(milliseconds: talaria_civil_milliseconds())
  }
}
