// SPDX-License-Identifier: ISC

package import Disk
package import Mail
internal import Queue
package import TableStore

extension TableStore {
  /// The queue in the SQLite database `sqlite/queue.db` of the spool; `schema/sqlite.md` describes it.
  ///
  /// Durable as `Store` asks: a write-ahead log, a full sync each commit, one connection that has the
  /// file for itself.
  package static func sqlite(
    disk: any Disk,
    limits: SQLiteLimits = SQLiteLimits(),
    locking: SpoolLocking = .take,
    clock: @escaping () -> Instant
  ) -> TableStore {
    TableStore(
      tables: SQLiteTables(disk: disk, limits: limits),
      disk: disk,
      locking: locking,
      clock: clock
    )
  }
}
