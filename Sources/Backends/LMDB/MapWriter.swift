// SPDX-License-Identifier: ISC

internal import CLMDB
package import Queue

/// Writes a map: an LMDB file of its own with one database, as `schema/map.md` describes it.
package enum MapWriter {
  /// Writes all pairs, which are in the order of their keys' bytes, into the file at `path`, which is
  /// empty. The file is durable on return.
  package static func write(
    _ pairs: [(key: [UInt8], value: [UInt8])],
    to path: String
  ) throws(StoreError) {
    var created: OpaquePointer?
    // The handle is owned here and closed on every way out.
    let code = unsafe mdb_env_create(&created)
    guard code == 0, let environment = unsafe created else {
      throw LMDBError.storeError(code, "create", path)
    }
    defer { unsafe mdb_env_close(environment) }
    // Twice the content, and each large value fills pages of its own.
    let size = pairs.reduce(1 << 22) { $0 + 2 * ($1.key.count + $1.value.count + 64) + 4096 }
    try check(unsafe mdb_env_set_mapsize(environment, size), "map", path)
    let flags = UInt32(MDB_NOSUBDIR | MDB_NOLOCK)
    try check(unsafe mdb_env_open(environment, path, flags, 0o600), "open", path)
    var transaction: OpaquePointer?
    try check(unsafe mdb_txn_begin(environment, nil, 0, &transaction), "begin", path)
    do throws(StoreError) {
      var database: MDB_dbi = 0
      try check(unsafe mdb_dbi_open(transaction, nil, 0, &database), "open", path)
      for pair in pairs { unsafe try put(pair, transaction, database, path) }
    } catch {
      unsafe mdb_txn_abort(transaction)
      throw error
    }
    try check(unsafe mdb_txn_commit(transaction), "commit", path)
    try check(unsafe mdb_env_sync(environment, 1), "sync", path)
  }

  @unsafe
  private static func put(
    _ pair: (key: [UInt8], value: [UInt8]),
    _ transaction: OpaquePointer?,
    _ database: MDB_dbi,
    _ path: String
  ) throws(StoreError) {
    var key = pair.key
    var value = pair.value
    // The arrays outlive the call, which copies them.
    let code = unsafe key.withUnsafeMutableBytes { keyBytes in
      unsafe value.withUnsafeMutableBytes { valueBytes in
        var keyValue = unsafe MDB_val(mv_size: keyBytes.count, mv_data: keyBytes.baseAddress)
        var content = unsafe MDB_val(mv_size: valueBytes.count, mv_data: valueBytes.baseAddress)
        return unsafe mdb_put(transaction, database, &keyValue, &content, UInt32(MDB_APPEND))
      }
    }
    try check(code, "put", path)
  }

  private static func check(
    _ code: Int32,
    _ operation: String,
    _ path: String
  ) throws(StoreError) {
    guard code == 0 else { throw LMDBError.storeError(code, operation, path) }
  }
}
