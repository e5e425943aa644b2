// SPDX-License-Identifier: ISC

internal import Mail
package import Queue

/// What a database must offer so that `TableStore` can keep a queue in it: ordered tables of records
/// under unsigned keys, two small tables under names, and transactions.
///
/// Used from one thread. Outside `begin` and `commit` a call only reads.
package protocol RecordTables: AnyObject {
  /// The database's path, for errors.
  var path: String { get }

  /// Opens and makes durable whatever the last process left.
  ///
  /// - Returns: remarks for the log.
  func open() throws(StoreError) -> [String]

  /// Closes; harmless when it is closed. Never throws: what was committed is durable already.
  func close()

  /// The spool may be another's from now on, after `close`: what is remembered of it for opening it
  /// again counts no more.
  func forget()

  /// - Parameter expecting: about how many bytes will be written.
  func begin(expecting bytes: Int) throws(StoreError)

  /// Durable on return. After a throw what was changed since `begin` is taken back by `rollBack`; the tables
  /// may have closed themselves.
  func commit() throws(StoreError)

  /// Harmless when there is no transaction.
  func rollBack()

  /// - Throws: `taken` of the table when the key is taken.
  func insert(_ table: RecordTable, _ row: RecordRow) throws(StoreError)

  /// Inserts or replaces.
  func put(_ table: RecordTable, _ row: RecordRow) throws(StoreError)

  /// Returns whether there was one.
  func remove(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> Bool

  /// Returns how many rows are gone.
  func remove(_ table: RecordTable, in keys: ClosedRange<UInt64>) throws(StoreError) -> Int

  func row(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> RecordRow?

  /// The size of the content under `key`; nil when there is none.
  func size(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> Int?

  /// The first `limit` rows of `keys` in rising order.
  func rows(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    limit: Int
  ) throws(StoreError) -> [RecordRow]

  /// The first `limit` keys of `keys` in rising order.
  func keys(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    limit: Int
  ) throws(StoreError) -> [UInt64]

  func setting(_ name: String) throws(StoreError) -> NamedValue?
  func setSetting(_ name: String, _ value: NamedValue?) throws(StoreError)

  /// Everything in quarantine, in the order of names, without contents.
  func quarantined() throws(StoreError) -> [QuarantinedRecord]
  func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8]?
  /// Inserts or replaces; the size in `record` is that of `content`.
  func putQuarantined(_ record: QuarantinedRecord, _ content: [UInt8]) throws(StoreError)
  func removeQuarantined(_ name: String) throws(StoreError)

  /// False after `close`, and after an upkeep that could not be ended. Everything but `open` and `close`
  /// throws `StoreError.sealed` then.
  var isOpen: Bool { get }

  /// As `Store.maintain`.
  func maintain() throws(StoreError) -> MaintenanceState
}

/// The tables under unsigned keys.
package enum RecordTable: UInt8, CaseIterable, Sendable {
  /// Message records under message identifiers.
  case messages = 1
  /// Bodies under message identifiers.
  case bodies = 2
  /// Envelope records under envelope identifiers.
  case envelopes = 3
  /// The sizes of bodies that are files, under message identifiers.
  case staged = 4

  /// Why a record cannot be inserted under a key that is taken.
  package func taken(_ key: UInt64) -> StoreError {
    let message = self == .envelopes ? key >> 32 : key
    guard let id = UInt32(exactly: message).flatMap(MessageID.init) else { return .absent }
    return .exists(id)
  }

  /// What one of its records is called in names and findings.
  package var recordName: String {
    switch self {
    case .messages: "message"
    case .bodies: "body"
    case .envelopes: "envelope"
    case .staged: "staged"
    }
  }

  /// `key` as operators know it.
  package func keyText(_ key: UInt64) -> String {
    let digits = String(key, radix: 16)
    return String(repeating: "0", count: max(0, (self == .envelopes ? 16 : 8) - digits.count))
      + digits
  }
}

/// A record with its key and the checksum over both.
package struct RecordRow: Sendable {
  package var key: UInt64
  package var content: [UInt8]
  package var checksum: UInt32

  package init(key: UInt64, content: [UInt8], checksum: UInt32) {
    self.key = key
    self.content = content
    self.checksum = checksum
  }

  /// A row that is to be written.
  init(_ table: RecordTable, _ key: UInt64, _ content: [UInt8]) {
    self.init(key: key, content: content, checksum: RecordRow.checksum(table, key, content))
  }

  /// Whether this is what was written, in that table and under that key.
  func isWhole(in table: RecordTable) -> Bool {
    checksum == RecordRow.checksum(table, key, content)
  }

  private static func checksum(_ table: RecordTable, _ key: UInt64, _ content: [UInt8]) -> UInt32 {
    var checksum = Checksum()
    checksum.add(UInt64(table.rawValue) << 56 ^ key)
    checksum.add(content.span)
    return checksum.value
  }
}

/// The content of a setting and its checksum.
package struct NamedValue: Sendable {
  package var content: [UInt8]
  package var checksum: UInt32

  package init(content: [UInt8], checksum: UInt32) {
    self.content = content
    self.checksum = checksum
  }
}
