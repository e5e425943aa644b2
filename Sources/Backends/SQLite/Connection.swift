// SPDX-License-Identifier: ISC

internal import CSQLite
internal import Queue

/// One connection to one database, used from one thread; closed when it is let go.
@safe
final class Connection {
  private let handle: OpaquePointer
  /// For messages.
  let path: String
  /// Where SQLite's hook leaves the length of the write-ahead log.
  private let logPages: UnsafeMutablePointer<Int32>

  /// - Throws: `StoreError.unusable` when the file cannot be opened.
  init(path file: String, shownAs name: String? = nil) throws(StoreError) {
    path = name ?? file
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    // The path is copied by the call; the handle is checked and owned from here on.
    let code = unsafe sqlite3_open_v2(file, &opened, flags | SQLITE_OPEN_EXRESCODE, nil)
    guard code == SQLITE_OK, let opened = unsafe opened else {
      let reason = unsafe String(cString: sqlite3_errstr(code))
      // Closing nil is harmless.
      _ = unsafe sqlite3_close_v2(opened)
      throw .unusable(
        path: path,
        problem: "cannot be opened: \(reason)",
        remedy: "check the owner and mode of the file and its directory"
      )
    }
    unsafe handle = opened
    // Freed in deinit, after the connection that writes to it is closed.
    unsafe logPages = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    unsafe logPages.initialize(to: 0)
    // The hook writes one number to memory that outlives the connection.
    _ = unsafe sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        unsafe context?.assumingMemoryBound(to: Int32.self).pointee = pages
        return SQLITE_OK
      },
      logPages
    )
  }

  deinit {
    // Statements were finalized before: they are owned beside the connection and let go first.
    _ = unsafe sqlite3_close_v2(handle)
    unsafe logPages.deallocate()
  }

  /// Pages in the write-ahead log that no checkpoint has moved.
  var logLength: Int {
    // Written by the hook on this same thread.
    Int(unsafe logPages.pointee)
  }

  /// Rows that the last statement changed.
  var changes: Int {
    // The handle lives as long as self.
    Int(unsafe sqlite3_changes(handle))
  }

  /// Whether a transaction that failed has already been rolled back by SQLite.
  var isInTransaction: Bool {
    // The handle lives as long as self.
    unsafe sqlite3_get_autocommit(handle) == 0
  }

  /// Runs statements without results.
  func execute(_ sql: String) throws(StoreError) {
    // The text is copied by the call.
    let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code, sql) }
  }

  func prepare(_ sql: String) throws(StoreError) -> Statement {
    var prepared: OpaquePointer?
    // The text is copied by the call; the statement is checked and owned from here on.
    let code = unsafe sqlite3_prepare_v3(
      handle,
      sql,
      -1,
      UInt32(SQLITE_PREPARE_PERSISTENT),
      &prepared,
      nil
    )
    guard code == SQLITE_OK, let prepared = unsafe prepared else { throw error(code, sql) }
    return unsafe Statement(prepared, connection: self, sql: sql)
  }

  /// The number that a pragma returns; nil when it returns nothing.
  func number(_ sql: String) throws(StoreError) -> Int64? {
    let statement = try prepare(sql)
    defer { statement.reset() }
    guard try statement.step() == .row else { return nil }
    return statement.integer(0)
  }

  func text(_ sql: String) throws(StoreError) -> String? {
    let statement = try prepare(sql)
    defer { statement.reset() }
    guard try statement.step() == .row else { return nil }
    return statement.text(0)
  }

  /// Moves what the write-ahead log holds into the database.
  func checkpoint(_ mode: CheckpointMode) throws(StoreError) {
    // The handle lives as long as self; no counts are asked for.
    let code = unsafe sqlite3_wal_checkpoint_v2(handle, nil, mode.rawValue, nil, nil)
    guard code == SQLITE_OK else { throw error(code, "checkpoint") }
    // Nothing else writes to it while a call is running.
    unsafe logPages.pointee = 0
  }

  enum CheckpointMode: Sendable {
    case passive
    /// Also cuts the log's file to nothing.
    case truncate

    var rawValue: Int32 {
      switch self {
      case .passive: SQLITE_CHECKPOINT_PASSIVE
      case .truncate: SQLITE_CHECKPOINT_TRUNCATE
      }
    }
  }

  /// What `code` means for a store.
  func error(_ code: Int32, _ operation: String) -> StoreError {
    // The handle lives as long as self; the message is copied at once.
    let message = unsafe String(cString: sqlite3_errmsg(handle))
    let errno = unsafe sqlite3_system_errno(handle)
    switch code & 0xff {
    case SQLITE_FULL: return .full(path: path)
    case SQLITE_IOERR where ErrorNumber.noSpace.contains(errno): return .full(path: path)
    case SQLITE_CORRUPT, SQLITE_NOTADB: return .damaged(path: path, problem: message)
    case SQLITE_CONSTRAINT: return .damaged(path: path, problem: "the record is there already")
    case SQLITE_BUSY, SQLITE_LOCKED: return .busy(path: path, holder: nil)
    default:
      return .failed(operation: operation, path: path, errno: errno, explanation: message)
    }
  }
}
