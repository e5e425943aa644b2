// SPDX-License-Identifier: ISC

internal import Queue
internal import TableStore

/// An open database with the statements that were prepared for it.
final class Database {
  let connection: Connection
  let begin: Statement
  let commit: Statement
  let rollBack: Statement
  private var statements: [Statement?]
  private var namedStatements: [String: Statement] = [:]

  init(_ connection: Connection) throws(StoreError) {
    self.connection = connection
    begin = try connection.prepare("BEGIN IMMEDIATE")
    commit = try connection.prepare("COMMIT")
    rollBack = try connection.prepare("ROLLBACK")
    statements = Array(
      repeating: nil,
      count: RecordTable.allCases.count * Operation.allCases.count
    )
  }

  /// What is done to the record tables; each has its statement per table.
  enum Operation: Int, CaseIterable, Sendable {
    case insert
    case put
    case remove
    case removeRange
    case row
    case size
    case rows
    case keys

    func sql(_ table: String) -> String {
      switch self {
      case .insert:
        """
        INSERT INTO \(table) (id, checksum, content) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING
        """
      case .put: "INSERT OR REPLACE INTO \(table) (id, checksum, content) VALUES (?1, ?2, ?3)"
      case .remove: "DELETE FROM \(table) WHERE id = ?1"
      case .removeRange: "DELETE FROM \(table) WHERE id BETWEEN ?1 AND ?2"
      case .row: "SELECT id, checksum, content FROM \(table) WHERE id = ?1"
      case .size: "SELECT length(content) FROM \(table) WHERE id = ?1"
      case .rows:
        """
        SELECT id, checksum, content FROM \(table) WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3
        """
      case .keys: "SELECT id FROM \(table) WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3"
      }
    }
  }

  func statement(_ operation: Operation, _ table: RecordTable) throws(StoreError) -> Statement {
    let index = Int(table.rawValue - 1) * Operation.allCases.count + operation.rawValue
    if let known = statements[index] { return known }
    let statement = try connection.prepare(operation.sql(table.tableName))
    statements[index] = statement
    return statement
  }

  /// A statement that is prepared once, known by its text.
  func named(_ sql: String) throws(StoreError) -> Statement {
    if let known = namedStatements[sql] { return known }
    let statement = try connection.prepare(sql)
    namedStatements[sql] = statement
    return statement
  }
}

extension RecordTable {
  var tableName: String {
    switch self {
    case .messages: "messages"
    case .bodies: "bodies"
    case .envelopes: "envelopes"
    case .staged: "staged"
    }
  }
}
