// SPDX-License-Identifier: ISC

internal import CSQLite
internal import Queue

/// One prepared statement, used from the connection's thread; finalized when it is let go.
@safe
final class Statement {
  private let handle: OpaquePointer
  private let connection: Connection
  private let sql: String

  /// Takes over `handle`, which must come from `connection`.
  @unsafe
  init(_ handle: OpaquePointer, connection: Connection, sql: String) {
    unsafe self.handle = handle
    self.connection = connection
    self.sql = sql
  }

  deinit {
    // Owned by self alone; the connection is still held.
    _ = unsafe sqlite3_finalize(handle)
  }

  enum Step: Equatable, Sendable {
    case row
    case done
  }

  func bind(_ index: Int32, _ value: Int64) {
    // The handle lives as long as self; a wrong index is a mistake of ours.
    let code = unsafe sqlite3_bind_int64(handle, index, value)
    precondition(code == SQLITE_OK, "bind \(index) of \(sql)")
  }

  func bind(_ index: Int32, _ text: String) throws(StoreError) {
    // SQLITE_TRANSIENT (-1): SQLite copies the text before the call returns.
    let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    let code = unsafe sqlite3_bind_text(handle, index, text, Int32(text.utf8.count), transient)
    guard code == SQLITE_OK else { throw connection.error(code, sql) }
  }

  /// Binds `content` without a copy, runs the statement to its end and resets it.
  func run(_ index: Int32, _ content: [UInt8]) throws(StoreError) {
    // SQLite reads the bytes only while the closure runs: the binding is cleared before it ends. An
    // empty array may have no address, and nil would be bound as NULL.
    let code = unsafe content.withUnsafeBytes { bytes in
      let code =
        if let base = bytes.baseAddress {
          unsafe sqlite3_bind_blob64(handle, index, base, UInt64(bytes.count), nil)
        } else {
          unsafe sqlite3_bind_zeroblob(handle, index, 0)
        }
      guard code == SQLITE_OK else { return code }
      let result = unsafe sqlite3_step(handle)
      _ = unsafe sqlite3_reset(handle)
      _ = unsafe sqlite3_bind_null(handle, index)
      return result
    }
    guard code == SQLITE_DONE else { throw connection.error(code, sql) }
  }

  /// Runs the statement to its end and resets it.
  func run() throws(StoreError) {
    // The handle lives as long as self.
    let code = unsafe sqlite3_step(handle)
    _ = unsafe sqlite3_reset(handle)
    guard code == SQLITE_DONE || code == SQLITE_ROW else { throw connection.error(code, sql) }
  }

  /// The next row. Whoever steps resets, also after an error.
  func step() throws(StoreError) -> Step {
    // The handle lives as long as self.
    switch unsafe sqlite3_step(handle) {
    case SQLITE_ROW: return .row
    case SQLITE_DONE: return .done
    case let code: throw connection.error(code, sql)
    }
  }

  func reset() {
    // The handle lives as long as self; the result repeats what `step` threw.
    _ = unsafe sqlite3_reset(handle)
  }

  func integer(_ column: Int32) -> Int64 {
    // The handle lives as long as self; SQLite checks the column.
    unsafe sqlite3_column_int64(handle, column)
  }

  func bytes(_ column: Int32) -> [UInt8] {
    // SQLite's bytes are valid until the next step and copied at once.
    guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  }

  func text(_ column: Int32) -> String {
    // SQLite's text is valid until the next step and copied at once.
    guard let start = unsafe sqlite3_column_text(handle, column) else { return "" }
    return unsafe String(cString: start)
  }
}
