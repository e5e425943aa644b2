// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
package import Queue

extension TableStore {
  /// A checksum that does not hold is for the operator to judge, who has seen the content: what can be
  /// decoded is put back, and named as doubtful. A message comes back with its body and its envelopes,
  /// and needs both.
  package func restore(quarantined name: String) throws(StoreError) -> Restoration {
    guard let content = try tables.quarantinedContent(name) else { throw .absent }
    if name.hasPrefix("setting-") {
      throw damaged("\(name): a setting is made anew, not restored")
    }
    if name.hasPrefix("unreadable-") {
      throw damaged("\(name): nothing was moved; copy the queue to another store")
    }
    guard let (table, key) = TableStore.parse(name) else { throw .absent }
    let doubtful = try doubtfulNames()
    var restored = Restoration([])
    if table == .envelopes, try tables.row(.messages, key >> 32) != nil {
      try restoring { (totals: inout StoreTotals) throws(StoreError) in
        restored.envelopes = [try self.restoreEnvelope(name, key, content)]
        totals.envelopes += 1
      }
      statisticsOfUse.quarantined -= 1
    } else {
      let message = table == .envelopes ? key >> 32 : key
      restored.envelopes = try restoreMessage(message)
    }
    noteEnvelopes(try tables.quarantined())
    for (doubt, record) in doubtful where try tables.quarantinedContent(doubt) == nil {
      restored.doubtful.append(record)
    }
    return restored
  }

  /// What is in quarantine for its checksum, by name, and as findings call it.
  private func doubtfulNames() throws(StoreError) -> [(name: String, record: String)] {
    var doubtful: [(name: String, record: String)] = []
    for record in try tables.quarantined() where record.reason == RowDamage.wrongChecksum.problem {
      guard let (table, key) = TableStore.parse(record.name) else { continue }
      doubtful.append((record.name, "\(table.recordName) \(table.keyText(key))"))
    }
    return doubtful
  }

  private func restoring(
    _ body: (inout StoreTotals) throws(StoreError) -> Void
  ) throws(StoreError) {
    var new = totals
    try transaction(expecting: TableLimits.shownContent) { () throws(StoreError) in
      try body(&new)
      try writeTotals(new)
    }
    totals = new
  }

  private func restoreEnvelope(
    _ name: String,
    _ key: UInt64,
    _ content: [UInt8]
  ) throws(StoreError) -> EnvelopeID {
    let row = RecordRow(.envelopes, key, content)
    switch decodeEnvelope(row) {
    case .failure(let damage): throw damaged("\(name): \(damage.problem)")
    case .success(let envelope):
      try tables.insert(.envelopes, row)
      try tables.removeQuarantined(name)
      return envelope.id
    }
  }

  /// The names in quarantine that belong to the message, by table.
  private func kin(of message: UInt64) throws(StoreError) -> [(RecordTable, UInt64, String)] {
    var kin: [(RecordTable, UInt64, String)] = []
    for record in try tables.quarantined() {
      guard let (table, key) = TableStore.parse(record.name) else { continue }
      if (table == .envelopes ? key >> 32 : key) == message {
        kin.append((table, key, record.name))
      }
    }
    return kin
  }

  private func restoreMessage(_ message: UInt64) throws(StoreError) -> [EnvelopeID] {
    let kin = try kin(of: message)
    let title = "message \(RecordTable.messages.keyText(message))"
    var envelopes: [EnvelopeID] = []
    var count = 0
    try restoring { (totals: inout StoreTotals) throws(StoreError) in
      count = try self.restoreRecord(title, message, kin)
      totals.messages += count
      let (bodies, bytes) = try self.restoreBody(title, message, kin)
      totals.bodyBytes += bytes
      count += bodies
      for (table, key, name) in kin where table == .envelopes {
        guard let content = try self.tables.quarantinedContent(name),
          case .success = self.decodeEnvelope(RecordRow(.envelopes, key, content)),
          try self.tables.row(.envelopes, key) == nil
        else { continue }
        envelopes.append(try self.restoreEnvelope(name, key, content))
      }
      guard !envelopes.isEmpty else {
        throw self.damaged("\(title): none of its envelopes can be read")
      }
      count += envelopes.count
      totals.envelopes += envelopes.count
    }
    statisticsOfUse.quarantined -= count
    return envelopes
  }

  /// Puts the message's own record back unless one is in its place. Returns how many came back.
  private func restoreRecord(
    _ title: String,
    _ message: UInt64,
    _ kin: [(RecordTable, UInt64, String)]
  ) throws(StoreError) -> Int {
    guard try tables.row(.messages, message) == nil else { return 0 }
    for (table, key, name) in kin where table == .messages {
      guard let content = try tables.quarantinedContent(name) else { continue }
      let row = RecordRow(.messages, key, content)
      guard case .success = decodeMessage(row) else { continue }
      try tables.insert(.messages, row)
      try tables.removeQuarantined(name)
      return 1
    }
    throw damaged("\(title): its record cannot be read")
  }

  private func restoreBody(
    _ title: String,
    _ message: UInt64,
    _ kin: [(RecordTable, UInt64, String)]
  ) throws(StoreError) -> (count: Int, bytes: Int) {
    if try tables.row(.bodies, message) != nil { return (0, 0) }
    if try tables.row(.staged, message) != nil { return (0, 0) }
    for (table, key, name) in kin where table == .bodies || table == .staged {
      guard let content = try tables.quarantinedContent(name) else { continue }
      var (row, bytes) = (content, content.count)
      if table == .staged {
        guard var file = StagedFile(encoded: content), let id = MessageID(UInt32(key)),
          try stage.size(of: id) == file.size
        else { continue }
        // As with other bodies: what is put back counts as whole.
        file.checksum = try stage.checksum(of: id)
        (row, bytes) = (file.encoded(), file.size)
        bodySums.forget(id)
      }
      try tables.insert(table, RecordRow(table, key, row))
      try tables.removeQuarantined(name)
      return (1, bytes)
    }
    throw damaged("\(title): its body is not there")
  }
}
