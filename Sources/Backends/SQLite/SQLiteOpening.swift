// SPDX-License-Identifier: ISC

internal import Queue

/// Makes a fresh connection ready: settings, the right database and the right version, an empty log.
struct SQLiteOpening {
  let connection: Connection
  let limits: SQLiteLimits

  /// - Returns: remarks for the log.
  func run() throws(StoreError) -> [String] {
    try configure()
    try migrate()
    // After a failed sync the log may be whole in memory and not on the disk: what is kept of it goes
    // into the database now, before anything is appended.
    try connection.checkpoint(.truncate)
    return []
  }

  private func configure() throws(StoreError) {
    let kibibytes = limits.cache / 1024
    try connection.execute(
      """
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA page_size = \(limits.pageSize);
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA cache_size = -\(kibibytes);
      PRAGMA cell_size_check = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA temp_store = MEMORY;
      """
    )
    let mode = try connection.text("PRAGMA journal_mode = WAL")
    guard mode == "wal" else {
      throw .unusable(
        path: connection.path,
        problem: "no write-ahead log is possible",
        remedy: "the queue needs a local file system that can be written"
      )
    }
    // The hook that counts the log's pages has taken the place of SQLite's own checkpoints.
    try connection.execute("PRAGMA synchronous = FULL")
  }

  private func migrate() throws(StoreError) {
    let application = try connection.number("PRAGMA application_id") ?? 0
    let found = try connection.number("PRAGMA user_version") ?? 0
    let tables = try connection.number("SELECT count(*) FROM sqlite_schema") ?? 0
    if application == 0, found == 0, tables == 0 {
      try upgrade(from: 0)
      return
    }
    guard application == Schema.applicationID else {
      throw .unusable(
        path: connection.path,
        problem: "it is a database of another program",
        remedy: "move it away, or give the queue another directory"
      )
    }
    guard found <= Schema.version else {
      throw .newerVersion(
        path: connection.path,
        found: Int(found),
        supported: Schema.version
      )
    }
    guard found >= 1 else {
      throw .damaged(path: connection.path, problem: "its version is \(found)")
    }
    try upgrade(from: Int(found))
  }

  private func upgrade(from version: Int) throws(StoreError) {
    guard version < Schema.version else { return }
    try connection.execute("BEGIN IMMEDIATE")
    for step in Schema.steps[version...] { try connection.execute(step) }
    try connection.execute("COMMIT")
  }
}
