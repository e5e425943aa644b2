// SPDX-License-Identifier: ISC

package import Disk
package import Mail
package import TableStore

extension TableStore {
  /// Everything of an LMDB store is in this directory of the spool.
  package static var lmdbDirectory: String { LMDBTables.directory }

  /// The queue in the LMDB environment `lmdb` of the spool; `schema/lmdb.md` describes it.
  ///
  /// A commit is one write and one sync of a journal; nothing is written through the map.
  package static func lmdb(
    disk: any Disk,
    limits: LMDBLimits = LMDBLimits(),
    locking: SpoolLocking = .take,
    clock: @escaping () -> Instant
  ) -> TableStore {
    TableStore(
      tables: LMDBTables(disk: disk, limits: limits, clock: clock),
      disk: disk,
      directory: LMDBTables.directory,
      locking: locking,
      clock: clock
    )
  }
}
