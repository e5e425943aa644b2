// SPDX-License-Identifier: ISC

internal import Disk
package import Mail
package import Queue

/// Why a row is not the record that it should be.
struct RowDamage: Error {
  var problem: String

  static let wrongChecksum = RowDamage(problem: "its checksum does not hold")
}

extension TableStore {
  package func body(
    of message: MessageID,
    from offset: Int,
    count: Int
  ) throws(StoreError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0)
    if let recent = recentBody, recent.id == message {
      return Array(recent.content.dropFirst(offset).prefix(count))
    }
    let key = UInt64(message.rawValue)
    if let row = try tables.row(.bodies, key) {
      guard row.isWhole(in: .bodies) else {
        throw wrongBody(message)
      }
      if offset == 0, count >= row.content.count { return row.content }
      if row.content.count <= TableLimits.recentBody { recentBody = (message, row.content) }
      return Array(row.content.dropFirst(offset).prefix(count))
    }
    guard let row = try tables.row(.staged, key) else {
      guard try tables.row(.messages, key) == nil else {
        throw damaged("body \(message): missing")
      }
      throw .absent
    }
    guard row.isWhole(in: .staged), let file = StagedFile(encoded: row.content) else {
      throw damaged("body \(message): the record of its file is damaged")
    }
    return try read(file, of: message, from: offset, count: count)
  }

  /// Checks what was read of the file once that ends.
  private func read(
    _ file: StagedFile,
    of message: MessageID,
    from offset: Int,
    count: Int
  ) throws(StoreError) -> [UInt8] {
    guard try stage.size(of: message) == file.size else {
      throw damaged("body \(message): its file is missing or of another size")
    }
    let wanted = min(count, max(0, file.size - offset))
    let bytes = try stage.read(message, from: offset, count: wanted)
    let sum = bodySums.sum(of: message, through: bytes, at: offset)
    guard offset + bytes.count >= file.size else {
      bodySums.remember(sum, of: message, to: offset + bytes.count)
      return bytes
    }
    // An empty chunk behind the end comes after one that was the end.
    guard let checksum = file.checksum, !bytes.isEmpty || offset == 0 else { return bytes }
    var found = sum?.value
    if found == nil { found = try stage.checksum(of: message) }
    guard found == checksum else { throw wrongBody(message) }
    return bytes
  }

  private func wrongBody(_ message: MessageID) -> StoreError {
    damaged("body \(message): \(RowDamage.wrongChecksum.problem)")
  }

  package func envelope(_ id: EnvelopeID) throws(StoreError) -> StoredEnvelope? {
    guard let row = try tables.row(.envelopes, id.rawValue) else { return nil }
    var reading = PageReading()
    reading.messages = try tables.row(.messages, UInt64(id.message.rawValue)).map { [$0] } ?? []
    let stored = reading.read(row, self)
    try moveAside(reading)
    return stored
  }

  package func page(after: EnvelopeID?, limit: Int) throws(StoreError) -> EnvelopePage {
    let rows = try pageRows(after, limit)
    var page = EnvelopePage(envelopes: [], next: rows.next)
    var reading = PageReading()
    reading.messages = rows.messages
    page.envelopes.reserveCapacity(rows.envelopes.count)
    for row in rows.envelopes {
      if let stored = reading.read(row, self) { page.envelopes.append(stored) }
    }
    try moveAside(reading)
    return page
  }

  package func records(after: EnvelopeID?, limit: Int) throws(StoreError) -> RecordPage {
    let rows = try pageRows(after, limit)
    // What is damaged is moved aside there.
    guard let records = rows.joined() else {
      return RecordPage(try page(after: after, limit: limit))
    }
    return RecordPage(records: records, next: rows.next)
  }

  private func pageRows(_ after: EnvelopeID?, _ limit: Int) throws(StoreError) -> PageRows {
    precondition(limit >= 1)
    var page = PageRows()
    let lower = after.map { $0.rawValue &+ 1 } ?? 0
    guard after?.rawValue != .max else { return page }
    page.envelopes = try readableRows(.envelopes, in: lower...UInt64.max, limit: limit)
    guard let first = page.envelopes.first, let last = page.envelopes.last else { return page }
    // There may be more messages than envelopes: some stay for an envelope in quarantine.
    var message = first.key >> 32
    while true {
      let rows = try readableRows(.messages, in: message...last.key >> 32, limit: limit)
      page.messages += rows
      guard rows.count >= limit, let read = rows.last?.key, read < last.key >> 32 else { break }
      message = read + 1
    }
    // Damaged keys are no identifiers, but one that follows them is.
    if page.envelopes.count >= limit {
      page.next = EnvelopeID(last.key) ?? EnvelopeID(last.key | 1)
    }
    return page
  }

  func decodeEnvelope(_ row: RecordRow) -> Result<Envelope, RowDamage> {
    guard row.isWhole(in: .envelopes) else {
      return .failure(.wrongChecksum)
    }
    guard let id = EnvelopeID(row.key) else {
      return .failure(RowDamage(problem: "its key is no identifier"))
    }
    do throws(DecodingError) {
      return .success(try Envelope(id: id, record: row.content))
    } catch {
      return .failure(RowDamage(problem: error.description))
    }
  }

  func decodeMessage(_ row: RecordRow) -> Result<Message, RowDamage> {
    guard row.isWhole(in: .messages) else {
      return .failure(.wrongChecksum)
    }
    guard row.key <= UInt64(UInt32.max), let id = MessageID(UInt32(row.key)) else {
      return .failure(RowDamage(problem: "its key is no identifier"))
    }
    do throws(DecodingError) {
      return .success(try Message(id: id, record: row.content))
    } catch {
      return .failure(RowDamage(problem: error.description))
    }
  }

  func damaged(_ problem: String) -> StoreError {
    .damaged(path: tables.path, problem: problem)
  }
}

/// Some envelopes in rising order, and the messages in their range.
struct PageRows {
  var envelopes: [RecordRow] = []
  var messages: [RecordRow] = []
  var next: EnvelopeID?

  /// Each envelope with its message; nil when a checksum does not hold, a key is no identifier, or a
  /// message is missing.
  func joined() -> [StoredRecord]? {
    var records: [StoredRecord] = []
    records.reserveCapacity(envelopes.count)
    var index = 0
    var checked = -1
    for row in envelopes {
      while index < messages.count, messages[index].key < row.key >> 32 { index += 1 }
      guard index < messages.count, messages[index].key == row.key >> 32,
        checked == index || messages[index].isWhole(in: .messages),
        row.isWhole(in: .envelopes), let id = EnvelopeID(row.key)
      else { return nil }
      checked = index
      records.append(
        StoredRecord(id: id, envelope: row.content, message: messages[index].content)
      )
    }
    return records
  }
}

/// Joins envelope rows with message rows, both in rising order, and notes what cannot be read.
struct PageReading {
  var messages: [RecordRow] = []
  /// Envelope rows that cannot be read themselves.
  private(set) var damagedEnvelopes: [(row: RecordRow, damage: RowDamage)] = []
  /// Messages that cannot be read, or are not there, though an envelope needs them.
  private(set) var damagedMessages: [UInt64: RowDamage] = [:]
  private var index = 0
  private var current: Message?

  mutating func read(_ row: RecordRow, _ store: TableStore) -> StoredEnvelope? {
    switch store.decodeEnvelope(row) {
    case .failure(let damage):
      damagedEnvelopes.append((row, damage))
      return nil
    case .success(let envelope):
      guard let message = message(row.key >> 32, store) else { return nil }
      return StoredEnvelope(message: message, envelope: envelope)
    }
  }

  private mutating func message(_ key: UInt64, _ store: TableStore) -> Message? {
    if let current, UInt64(current.id.rawValue) == key { return current }
    while index < messages.count, messages[index].key < key { index += 1 }
    guard index < messages.count, messages[index].key == key else {
      damagedMessages[key] = RowDamage(problem: "there is no record of the message")
      return nil
    }
    switch store.decodeMessage(messages[index]) {
    case .success(let message):
      current = message
      return message
    case .failure(let damage):
      damagedMessages[key] = damage
      return nil
    }
  }
}
