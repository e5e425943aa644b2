// SPDX-License-Identifier: ISC

internal import CLMDB
internal import Queue

/// Reading a database in the order of its keys.
extension Environment {
  /// What a walk has come to: gone when the walk goes on.
  @safe
  struct Entry: ~Copyable {
    private let foundKey: MDB_val
    private let found: MDB_val

    @unsafe
    fileprivate init(_ foundKey: MDB_val, _ found: MDB_val) {
      unsafe self.foundKey = foundKey
      unsafe self.found = found
    }

    /// Of the key, in bytes.
    var keySize: Int { unsafe foundKey.mv_size }

    /// A copy of the key.
    var key: [UInt8] {
      // Valid while the walk stands here, and lent for that long.
      unsafe [UInt8](UnsafeRawBufferPointer(start: foundKey.mv_data, count: foundKey.mv_size))
    }

    /// The key as a number, the highest byte first. Nil when it is not of eight bytes.
    var number: UInt64? {
      guard keySize == 8 else { return nil }
      // Eight bytes lie there, valid while the walk stands here.
      return unsafe foundKey.mv_data.map {
        UInt64(bigEndian: unsafe $0.loadUnaligned(as: UInt64.self))
      }
    }

    /// A copy of the value.
    var value: Value {
      // Valid while the walk stands here, and lent for that long.
      unsafe Environment.value(found)
    }
  }

  enum Walk: Sendable {
    case further
    case stop
  }

  /// Calls `body` with each entry from `start` on in rising order until it says stop.
  func walk(
    _ name: Name,
    from start: [UInt8],
    _ body: (borrowing Entry) throws(StoreError) -> Walk
  ) throws(StoreError) {
    // The transaction is valid while the closure runs.
    try unsafe withTransaction { (transaction) throws(StoreError) in
      var opened: OpaquePointer?
      let code = unsafe mdb_cursor_open(transaction, databases[name.rawValue], &opened)
      guard code == 0, let cursor = unsafe opened else {
        throw failure(code, "cursor")
      }
      defer { unsafe mdb_cursor_close(cursor) }
      var key = unsafe MDB_val()
      var found = unsafe MDB_val()
      // The start is read by the first call alone; key and value lie in the map from then on.
      var result = unsafe start.withUnsafeBytes { bytes in
        guard unsafe !bytes.isEmpty else {
          return unsafe mdb_cursor_get(cursor, &key, &found, MDB_FIRST)
        }
        unsafe key = MDB_val(bytes)
        return unsafe mdb_cursor_get(cursor, &key, &found, MDB_SET_RANGE)
      }
      while result == 0 {
        guard try body(unsafe Entry(key, found)) == .further else { return }
        result = unsafe mdb_cursor_get(cursor, &key, &found, MDB_NEXT)
      }
      guard result == MDB_NOTFOUND else { throw failure(result, "next") }
    }
  }
}
