// SPDX-License-Identifier: ISC

/// Bounds of a queue in SQLite.
package struct SQLiteLimits: Sendable {
  /// Bytes of a page of a new database.
  package var pageSize = 4096
  /// Bytes of pages that are kept in memory.
  package var cache = 4 << 20
  /// Bytes that the write-ahead log may reach before new mail waits for a checkpoint.
  package var log = 16 << 20
  /// Bytes of the log from which idle time is used for a checkpoint.
  package var logIdle = 1 << 20
  /// Bytes of zeros that are written behind the log's pages at a time, so that commits write over them.
  package var logHeadroom = 4 << 20
  /// Bytes of free pages that the database keeps for what comes.
  package var freeKept = 16 << 20
  /// Free pages that are given back at once.
  package var pagesAtOnce = 1024

  package init() {}

  var logPages: Int { max(1, log / pageSize) }
  var logPagesIdle: Int { max(1, logIdle / pageSize) }
  /// Bytes of a log of so many pages: a header, and one before each page (SQLite's file format, 4).
  func logBytes(_ pages: Int) -> Int { 32 + pages * (pageSize + 24) }
  var freePagesKept: Int { freeKept / pageSize }
}
