// SPDX-License-Identifier: ISC

/// The database's tables, as `schema/queue.sql` has them.
enum Schema {
  /// The four bytes `Tala`: this is a queue of ours and no other SQLite database.
  static let applicationID: Int64 = 1415670881

  static let version = 1

  /// `steps[n]` makes version `n + 1` out of version `n`, an empty database being version 0.
  static let steps = [first]

  static let first = """
    -- SPDX-License-Identifier: ISC
    -- The queue in SQLite, version 1. What the columns mean is in schema/sqlite.md.

    CREATE TABLE messages (
      id INTEGER PRIMARY KEY,
      checksum INTEGER NOT NULL,
      content BLOB NOT NULL
    );

    CREATE TABLE bodies (
      id INTEGER PRIMARY KEY,
      checksum INTEGER NOT NULL,
      content BLOB NOT NULL
    );

    CREATE TABLE envelopes (
      id INTEGER PRIMARY KEY,
      checksum INTEGER NOT NULL,
      content BLOB NOT NULL
    );

    CREATE TABLE staged (
      id INTEGER PRIMARY KEY,
      checksum INTEGER NOT NULL,
      content BLOB NOT NULL
    );

    CREATE TABLE settings (
      name TEXT PRIMARY KEY,
      checksum INTEGER NOT NULL,
      content BLOB NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE quarantine (
      name TEXT PRIMARY KEY,
      reason TEXT NOT NULL,
      moved INTEGER NOT NULL,
      content BLOB NOT NULL
    );

    PRAGMA application_id = 1415670881;
    PRAGMA user_version = 1;

    """
}
