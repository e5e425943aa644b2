// SPDX-License-Identifier: ISC

package import Configuration
internal import Disk
internal import FilesystemStore
internal import Interprocess
internal import LMDBStore
internal import MemoryStore
package import Queue
internal import SQLiteStore
internal import TableStore

/// Makes the store that a word of the configuration stands for.
package enum StoreFactory {
  /// - Parameter spool: the spool's path as this process sees it; not used by `ram`.
  package static func store(
    _ backend: QueueBackend,
    spool: String
  ) throws(StoreError) -> any Store {
    guard backend != .memory else { return MemoryStore() }
    let disk: LinuxDisk
    do throws(DiskError) {
      disk = try LinuxDisk(root: spool)
    } catch {
      throw error.storeError(in: spool)
    }
    switch backend {
    case .filesystem: return FilesystemStore(disk: disk, clock: Clock.now)
    case .sqlite: return TableStore.sqlite(disk: disk, clock: Clock.now)
    case .lmdb: return TableStore.lmdb(disk: disk, clock: Clock.now)
    case .memory: return MemoryStore()
    }
  }
}
