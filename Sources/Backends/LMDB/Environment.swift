// SPDX-License-Identifier: ISC

internal import CLMDB
internal import Queue

/// An open LMDB environment with its named databases; used from one thread, closed when it is let go.
///
/// At most one write transaction is open; without one, each read has a short read transaction of its
/// own, so that pages that were freed can be used again.
@safe
final class Environment {
  /// For messages.
  let path: String
  private let handle: OpaquePointer
  let databases: [MDB_dbi]
  private var writing: OpaquePointer?
  /// A read transaction that is reset between reads.
  private var reading: OpaquePointer?
  /// A read transaction that reads nothing: pages that were freed after it began are not used again.
  private var pin: OpaquePointer?

  /// The named databases, in the order of their names' first use.
  enum Name: Int, CaseIterable, Sendable {
    case messages
    case bodies
    case envelopes
    case staged
    case settings
    case quarantine
    case meta
  }

  /// Opens `directory`, a directory, and makes the databases that are missing.
  init(path directory: String, shownAs name: String? = nil, mapSize: Int) throws(StoreError) {
    path = name ?? directory
    var created: OpaquePointer?
    // The handle is owned from here on, and closed on every way out.
    let code = unsafe mdb_env_create(&created)
    guard code == 0, let handle = unsafe created else {
      throw LMDBError.storeError(code, "create", path)
    }
    do throws(StoreError) {
      databases = unsafe try Environment.open(handle, directory, path, mapSize)
    } catch {
      unsafe mdb_env_close(handle)
      throw error
    }
    unsafe self.handle = handle
  }

  deinit {
    // Transactions end before the environment that they belong to.
    if let writing = unsafe writing { unsafe mdb_txn_abort(writing) }
    if let reading = unsafe reading { unsafe mdb_txn_abort(reading) }
    if let pin = unsafe pin { unsafe mdb_txn_abort(pin) }
    unsafe mdb_env_close(handle)
  }

  @unsafe
  private static func open(
    _ handle: OpaquePointer,
    _ directory: String,
    _ path: String,
    _ mapSize: Int
  ) throws(StoreError) -> [MDB_dbi] {
    try check(unsafe mdb_env_set_maxdbs(handle, UInt32(Name.allCases.count)), "databases", path)
    try check(unsafe mdb_env_set_mapsize(handle, mapSize), "map", path)
    // MDB_NOTLS: a reader belongs to its transaction and not to whichever thread began it.
    try check(unsafe mdb_env_open(handle, directory, UInt32(MDB_NOTLS), 0o600), "open", path)
    var transaction: OpaquePointer?
    try check(unsafe mdb_txn_begin(handle, nil, 0, &transaction), "begin", path)
    var databases: [MDB_dbi] = []
    for name in Name.allCases {
      var database: MDB_dbi = 0
      let code = unsafe mdb_dbi_open(transaction, "\(name)", UInt32(MDB_CREATE), &database)
      guard code == 0 else {
        unsafe mdb_txn_abort(transaction)
        throw LMDBError.storeError(code, "open \(name)", path)
      }
      databases.append(database)
    }
    try check(unsafe mdb_txn_commit(transaction), "commit", path)
    return databases
  }

  private static func check(
    _ code: Int32,
    _ operation: String,
    _ path: String
  ) throws(StoreError) {
    guard code == 0 else { throw LMDBError.storeError(code, operation, path) }
  }

  // Transactions.

  var isWriting: Bool { unsafe writing != nil }

  /// Whether a call in the open write transaction has failed, so that it cannot be committed.
  private(set) var hasFailed = false

  func begin() throws(StoreError) {
    precondition(unsafe writing == nil, "a transaction in a transaction")
    hasFailed = false
    // The handle lives as long as self.
    let code = unsafe mdb_txn_begin(handle, nil, 0, &writing)
    guard code == 0 else { throw LMDBError.storeError(code, "begin", path) }
  }

  /// Keeps pages that are freed from now on from being used again, until the next call: what is written
  /// then lies in a row. What was freed before may be used again.
  func pinFreedPages() throws(StoreError) {
    precondition(unsafe writing == nil, "pages are pinned before a transaction, not in it")
    let code: Int32
    if let pin = unsafe pin {
      unsafe mdb_txn_reset(pin)
      code = unsafe mdb_txn_renew(pin)
    } else {
      // The handle lives as long as self, and the transaction is ended before it.
      code = unsafe mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &pin)
    }
    guard code == 0 else { throw LMDBError.storeError(code, "pin", path) }
  }

  /// Lets pages be used again that `pinFreedPages` keeps.
  func unpin() {
    guard let pin = unsafe pin else { return }
    unsafe self.pin = nil
    unsafe mdb_txn_abort(pin)
  }

  func commit() throws(StoreError) {
    guard let transaction = unsafe writing else { preconditionFailure("no transaction") }
    unsafe writing = nil
    // Freed by the call, whatever it returns.
    let code = unsafe mdb_txn_commit(transaction)
    guard code == 0 else { throw LMDBError.storeError(code, "commit", path) }
  }

  /// Notes that the open write transaction, if there is one, is of no more use: liblmdb refuses all calls
  /// in it from then on.
  func failure(_ code: Int32, _ operation: String) -> StoreError {
    hasFailed = isWriting
    return LMDBError.storeError(code, operation, path)
  }

  func rollBack() {
    hasFailed = false
    guard let transaction = unsafe writing else { return }
    unsafe writing = nil
    unsafe mdb_txn_abort(transaction)
  }

  /// Runs `body` in the open write transaction, or else in a read transaction of its own.
  func withTransaction<Value>(
    _ body: (OpaquePointer) throws(StoreError) -> Value
  ) throws(StoreError) -> Value {
    if let writing = unsafe writing { return try unsafe body(writing) }
    var code: Int32
    if let reading = unsafe reading {
      code = unsafe mdb_txn_renew(reading)
    } else {
      code = unsafe mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &reading)
    }
    guard code == 0, let reading = unsafe reading else {
      throw LMDBError.storeError(code, "read", path)
    }
    defer { unsafe mdb_txn_reset(reading) }
    return try unsafe body(reading)
  }

  // Size.

  /// Bytes up to the last page ever used.
  var usedBytes: Int {
    var info = unsafe MDB_envinfo()
    // Fills in a structure of numbers.
    _ = unsafe mdb_env_info(handle, &info)
    return unsafe (info.me_last_pgno + 1) * pageSize
  }

  var mapSize: Int {
    var info = unsafe MDB_envinfo()
    // Fills in a structure of numbers.
    _ = unsafe mdb_env_info(handle, &info)
    return unsafe info.me_mapsize
  }

  private var pageSize: Int {
    var statistics = MDB_stat()
    // Fills in a structure of numbers.
    _ = unsafe mdb_env_stat(handle, &statistics)
    return Int(statistics.ms_psize)
  }

  /// Bytes of the pages that hold records now.
  func liveBytes() throws(StoreError) -> Int {
    // The transaction is valid while the closure runs.
    try unsafe withTransaction { (transaction) throws(StoreError) in
      var pages = 0
      for database in databases {
        var statistics = MDB_stat()
        let code = unsafe mdb_stat(transaction, database, &statistics)
        guard code == 0 else { throw failure(code, "statistics") }
        pages +=
          statistics.ms_branch_pages + statistics.ms_leaf_pages + statistics.ms_overflow_pages
      }
      return pages * self.pageSize
    }
  }

  /// Enlarges the map. No transaction may be open.
  func grow(to size: Int) throws(StoreError) {
    precondition(unsafe writing == nil, "the map grows within a transaction")
    if let transaction = unsafe reading { unsafe mdb_txn_abort(transaction) }
    if let transaction = unsafe pin { unsafe mdb_txn_abort(transaction) }
    unsafe (reading, pin) = (nil, nil)
    // No pointer into the old map is kept: values are copied while their transaction runs.
    let code = unsafe mdb_env_set_mapsize(handle, size)
    guard code == 0 else { throw LMDBError.storeError(code, "map", path) }
  }

  /// Writes what is live to `directory`, without the free pages; not synced.
  func copy(to directory: String) throws(StoreError) {
    // The handle lives as long as self; the path is copied.
    let code = unsafe mdb_env_copy2(handle, directory, UInt32(MDB_CP_COMPACT))
    guard code == 0 else { throw LMDBError.storeError(code, "copy", path) }
  }
}

extension Environment {
  /// A checksum and content, as values are stored: four bytes, little-endian, before the content.
  struct Value: Sendable {
    var checksum: UInt32
    var content: [UInt8]
  }

  private static let prefix = 4

  @discardableResult
  func put(
    _ name: Name,
    _ key: [UInt8],
    _ value: Value,
    _ mode: PutMode
  ) throws(StoreError) -> PutOutcome {
    guard let transaction = unsafe writing else { preconditionFailure("no transaction") }
    let flags = UInt32(MDB_RESERVE) | (mode == .insert ? UInt32(MDB_NOOVERWRITE) : 0)
    let size = Environment.prefix + value.content.count
    // LMDB copies the key, and returns memory of exactly `size` bytes that is ours to fill until the
    // next call in this transaction.
    let code = unsafe key.withUnsafeBytes { keyBytes in
      var keyValue = unsafe MDB_val(keyBytes)
      var place = unsafe MDB_val(mv_size: size, mv_data: nil)
      let code = unsafe mdb_put(
        transaction,
        databases[name.rawValue],
        &keyValue,
        &place,
        flags
      )
      guard code == 0, let start = unsafe place.mv_data else { return code }
      unsafe start.storeBytes(of: value.checksum.littleEndian, as: UInt32.self)
      unsafe value.content.withUnsafeBytes { content in
        guard let base = content.baseAddress else { return }
        unsafe (start + Environment.prefix).copyMemory(from: base, byteCount: content.count)
      }
      return code
    }
    if mode == .insert, code == MDB_KEYEXIST { return .taken }
    guard code == 0 else { throw failure(code, "put") }
    return .done
  }

  enum PutMode: Sendable {
    case insert
    case replace
  }

  /// What became of a `put`.
  enum PutOutcome: Sendable {
    case done
    /// There is such a key, which is left as it is.
    case taken
  }

  /// Returns whether there was one.
  func remove(_ name: Name, _ key: [UInt8]) throws(StoreError) -> Bool {
    guard let transaction = unsafe writing else { preconditionFailure("no transaction") }
    // LMDB only reads the key.
    let code = unsafe key.withUnsafeBytes { keyBytes in
      var keyValue = unsafe MDB_val(keyBytes)
      return unsafe mdb_del(transaction, databases[name.rawValue], &keyValue, nil)
    }
    guard code == 0 || code == MDB_NOTFOUND else { throw failure(code, "remove") }
    return code == 0
  }

  func value(_ name: Name, _ key: [UInt8]) throws(StoreError) -> Value? {
    // Copied while the transaction runs.
    try unsafe read(name, key) { unsafe Environment.value($0) }
  }

  func size(_ name: Name, _ key: [UInt8]) throws(StoreError) -> Int? {
    // A number, no memory.
    try unsafe read(name, key) { unsafe max(0, $0.mv_size - Environment.prefix) }
  }

  private func read<Result>(
    _ name: Name,
    _ key: [UInt8],
    _ body: (MDB_val) -> Result
  ) throws(StoreError) -> Result? {
    // The transaction is valid while the closure runs.
    try unsafe withTransaction { (transaction) throws(StoreError) in
      // The value lies in the map and is valid while the transaction runs; `body` copies it.
      let (code, result): (Int32, Result?) = unsafe key.withUnsafeBytes { keyBytes in
        var keyValue = unsafe MDB_val(keyBytes)
        var found = unsafe MDB_val()
        let code = unsafe mdb_get(transaction, databases[name.rawValue], &keyValue, &found)
        return (code, code == 0 ? unsafe body(found) : nil)
      }
      guard code == 0 || code == MDB_NOTFOUND else { throw failure(code, "get") }
      return result
    }
  }

  @unsafe
  static func value(_ found: MDB_val) -> Value {
    // LMDB vouches for address and size while the transaction runs.
    let bytes = unsafe UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size)
    guard bytes.count >= prefix else {
      return Value(checksum: ~0, content: unsafe [UInt8](bytes))
    }
    return Value(
      checksum: UInt32(littleEndian: unsafe bytes.loadUnaligned(as: UInt32.self)),
      content: unsafe [UInt8](UnsafeRawBufferPointer(rebasing: bytes[prefix...]))
    )
  }
}
