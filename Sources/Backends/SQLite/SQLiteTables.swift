// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
internal import Queue
internal import TableStore

/// The tables of `schema/queue.sql`.
final class SQLiteTables: RecordTables {
  /// In the spool.
  static let directory = "sqlite"
  private static let file = "sqlite/queue.db"
  private static let logFile = "sqlite/queue.db-wal"

  let path: String
  let limits: SQLiteLimits
  private let disk: any Disk
  private var database: Database?
  private var headroom: Headroom

  init(disk: any Disk, limits: SQLiteLimits) {
    self.disk = disk
    self.limits = limits
    path = "\(disk.root)/\(SQLiteTables.file)"
    headroom = Headroom(path: SQLiteTables.logFile, step: limits.logHeadroom)
  }

  func open() throws(StoreError) -> [String] {
    precondition(database == nil, "the database is open")
    try disk.asStore { () throws(DiskError) in
      try disk.ensureDirectory(SQLiteTables.directory)
      try disk.synchronizeDirectory("")
    }
    let connection = try Connection(
      path: "\(disk.place)/\(SQLiteTables.file)",
      shownAs: path
    )
    let remarks = try SQLiteOpening(connection: connection, limits: limits).run()
    database = try Database(connection)
    headroom = Headroom(path: SQLiteTables.logFile, step: limits.logHeadroom)
    return remarks
  }

  func close() {
    // What is committed is safe in the log; an error here only leaves it for the next opening.
    try? database?.connection.checkpoint(.truncate)
    database = nil
  }

  /// Nothing is remembered.
  func forget() {}

  var isOpen: Bool { database != nil }

  var opened: Database {
    get throws(StoreError) {
      guard let database else { throw .sealed(path: path) }
      return database
    }
  }

  func begin(expecting bytes: Int) throws(StoreError) {
    let connection = try opened.connection
    if connection.logLength >= limits.logPages {
      do throws(StoreError) {
        try connection.checkpoint(.passive)
      } catch {
        // A log that cannot be emptied may still grow for a while.
        guard connection.logLength < 2 * limits.logPages else { throw error }
      }
    }
    headroom.keep(over: limits.logBytes(connection.logLength) + 2 * bytes, on: disk)
    try opened.begin.run()
  }

  func commit() throws(StoreError) {
    try opened.commit.run()
  }

  func rollBack() {
    guard let database, database.connection.isInTransaction else { return }
    // SQLite rolls back by itself what it cannot keep.
    try? database.rollBack.run()
  }

  func insert(_ table: RecordTable, _ row: RecordRow) throws(StoreError) {
    let statement = try opened.statement(.insert, table)
    statement.bind(1, table.databaseKey(row.key))
    statement.bind(2, Int64(row.checksum))
    try statement.run(3, row.content)
    guard try opened.connection.changes > 0 else { throw table.taken(row.key) }
  }

  func put(_ table: RecordTable, _ row: RecordRow) throws(StoreError) {
    let statement = try opened.statement(.put, table)
    statement.bind(1, table.databaseKey(row.key))
    statement.bind(2, Int64(row.checksum))
    try statement.run(3, row.content)
  }

  func remove(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> Bool {
    let statement = try opened.statement(.remove, table)
    statement.bind(1, table.databaseKey(key))
    try statement.run()
    return try opened.connection.changes > 0
  }

  func remove(_ table: RecordTable, in keys: ClosedRange<UInt64>) throws(StoreError) -> Int {
    let statement = try opened.statement(.removeRange, table)
    statement.bind(1, table.databaseKey(keys.lowerBound))
    statement.bind(2, table.databaseKey(keys.upperBound))
    try statement.run()
    return try opened.connection.changes
  }

  func row(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> RecordRow? {
    let statement = try opened.statement(.row, table)
    statement.bind(1, table.databaseKey(key))
    defer { statement.reset() }
    guard try statement.step() == .row else { return nil }
    return RecordRow(statement, key)
  }

  func size(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> Int? {
    let statement = try opened.statement(.size, table)
    statement.bind(1, table.databaseKey(key))
    defer { statement.reset() }
    guard try statement.step() == .row else { return nil }
    return Int(statement.integer(0))
  }

  func rows(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    limit: Int
  ) throws(StoreError) -> [RecordRow] {
    let statement = try opened.statement(.rows, table)
    var rows: [RecordRow] = []
    try each(statement, table, keys, limit) { statement in
      rows.append(RecordRow(statement, table.key(statement.integer(0))))
    }
    return rows
  }

  func keys(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    limit: Int
  ) throws(StoreError) -> [UInt64] {
    let statement = try opened.statement(.keys, table)
    var found: [UInt64] = []
    try each(statement, table, keys, limit) { statement in
      found.append(table.key(statement.integer(0)))
    }
    return found
  }

  private func each(
    _ statement: Statement,
    _ table: RecordTable,
    _ keys: ClosedRange<UInt64>,
    _ limit: Int,
    _ body: (Statement) -> Void
  ) throws(StoreError) {
    statement.bind(1, table.databaseKey(keys.lowerBound))
    statement.bind(2, table.databaseKey(keys.upperBound))
    statement.bind(3, Int64(limit))
    defer { statement.reset() }
    while try statement.step() == .row { body(statement) }
  }

  func maintain() throws(StoreError) -> MaintenanceState {
    let connection = try opened.connection
    if connection.logLength >= limits.logPagesIdle {
      try connection.checkpoint(.passive)
      return .more
    }
    let free = Int(try connection.number("PRAGMA freelist_count") ?? 0)
    guard free > limits.freePagesKept else { return .done }
    let pages = min(limits.pagesAtOnce, free - limits.freePagesKept)
    try connection.execute("PRAGMA incremental_vacuum(\(pages))")
    return .more
  }
}

extension SQLiteTables {
  func setting(_ name: String) throws(StoreError) -> NamedValue? {
    let statement = try opened.named("SELECT checksum, content FROM settings WHERE name = ?1")
    defer { statement.reset() }
    try statement.bind(1, name)
    guard try statement.step() == .row else { return nil }
    return NamedValue(
      content: statement.bytes(1),
      checksum: UInt32(truncatingIfNeeded: statement.integer(0))
    )
  }

  func setSetting(_ name: String, _ value: NamedValue?) throws(StoreError) {
    guard let value else {
      let statement = try opened.named("DELETE FROM settings WHERE name = ?1")
      try statement.bind(1, name)
      try statement.run()
      return
    }
    let statement = try opened.named(
      "INSERT OR REPLACE INTO settings (name, checksum, content) VALUES (?1, ?2, ?3)"
    )
    try statement.bind(1, name)
    statement.bind(2, Int64(value.checksum))
    try statement.run(3, value.content)
  }

  func quarantined() throws(StoreError) -> [QuarantinedRecord] {
    let statement = try opened.named(
      "SELECT name, reason, moved, length(content) FROM quarantine ORDER BY name"
    )
    defer { statement.reset() }
    var records: [QuarantinedRecord] = []
    while try statement.step() == .row {
      records.append(
        QuarantinedRecord(
          name: statement.text(0),
          reason: statement.text(1),
          size: Int(statement.integer(3)),
          when: Instant(milliseconds: statement.integer(2))
        )
      )
    }
    return records
  }

  func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8]? {
    let statement = try opened.named("SELECT content FROM quarantine WHERE name = ?1")
    defer { statement.reset() }
    try statement.bind(1, name)
    return try statement.step() == .row ? statement.bytes(0) : nil
  }

  func putQuarantined(_ record: QuarantinedRecord, _ content: [UInt8]) throws(StoreError) {
    let statement = try opened.named(
      "INSERT OR REPLACE INTO quarantine (name, reason, moved, content) VALUES (?1, ?2, ?3, ?4)"
    )
    try statement.bind(1, record.name)
    try statement.bind(2, record.reason)
    statement.bind(3, record.when.milliseconds)
    try statement.run(4, content)
  }

  func removeQuarantined(_ name: String) throws(StoreError) {
    let statement = try opened.named("DELETE FROM quarantine WHERE name = ?1")
    try statement.bind(1, name)
    try statement.run()
  }
}

extension RecordTable {
  /// SQLite's keys are signed: those that use all 64 bits are moved so that their order is kept.
  fileprivate func databaseKey(_ key: UInt64) -> Int64 {
    switch self {
    case .envelopes: Int64(bitPattern: key ^ (1 << 63))
    case .messages, .bodies, .staged: Int64(clamping: key)
    }
  }

  fileprivate func key(_ databaseKey: Int64) -> UInt64 {
    switch self {
    case .envelopes: UInt64(bitPattern: databaseKey) ^ (1 << 63)
    case .messages, .bodies, .staged: UInt64(bitPattern: databaseKey)
    }
  }
}

extension RecordRow {
  /// A row of `SELECT id, checksum, content`.
  fileprivate init(_ statement: Statement, _ key: UInt64) {
    self.init(
      key: key,
      content: statement.bytes(2),
      checksum: UInt32(truncatingIfNeeded: statement.integer(1))
    )
  }
}
