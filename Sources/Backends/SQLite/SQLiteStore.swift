// SPDX-License-Identifier: ISC

package import Disk
package import Mail
internal import Queue
package import TableStore

extension TableStore {
  /// Everything of a SQLite store is in this directory of the spool.
  package static var sqliteDirectory: String { SQLiteTables.directory }

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
      directory: SQLiteTables.directory,
      locking: locking,
      clock: clock
    )
  }
}
