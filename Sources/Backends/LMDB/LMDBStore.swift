// SPDX-License-Identifier: ISC

package import Disk
package import Mail
package import TableStore

extension TableStore {
  /// The queue in the LMDB environment `lmdb` of the spool; `schema/lmdb.md` describes it.
  ///
  /// Every commit is synced, and nothing is written through the map.
  package static func lmdb(
    disk: any Disk,
    limits: LMDBLimits = LMDBLimits(),
    locking: SpoolLocking = .take,
    clock: @escaping () -> Instant
  ) -> TableStore {
    TableStore(
      tables: LMDBTables(disk: disk, limits: limits),
      disk: disk,
      locking: locking,
      clock: clock
    )
  }
}
