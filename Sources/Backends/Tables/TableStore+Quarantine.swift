// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
package import Queue

extension TableStore {
  package func quarantined() throws(StoreError) -> [QuarantinedRecord] {
    try tables.quarantined()
  }

  package func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8] {
    guard let content = try tables.quarantinedContent(name) else { throw .absent }
    return Array(content.prefix(TableLimits.shownContent))
  }

  /// Finds the messages that stay for an envelope in all that is in quarantine.
  func noteEnvelopes(_ aside: [QuarantinedRecord]) {
    hasEnvelopeAside = Set(aside.compactMap { QuarantinedRecord.awaiting($0.name) })
  }

  /// Moves one row aside, within a transaction.
  func moveAside(
    _ table: RecordTable,
    _ row: RecordRow,
    _ damage: RowDamage,
    _ step: inout Step
  ) throws(StoreError) {
    guard try tables.remove(table, row.key) else { return }
    let record = QuarantinedRecord(
      name: try freeName("\(table.recordName)-\(table.keyText(row.key))"),
      reason: damage.problem,
      size: row.content.count,
      when: now()
    )
    try tables.putQuarantined(record, row.content)
    step.quarantined += 1
    switch table {
    case .messages: step.totals.messages -= 1
    case .envelopes:
      step.totals.envelopes -= 1
      // Too many, where the transaction fails, does no harm.
      if let id = QuarantinedRecord.awaiting(record.name) { hasEnvelopeAside.insert(id) }
    case .bodies: step.totals.bodyBytes -= row.content.count
    case .staged: step.totals.bodyBytes -= StagedFile(encoded: row.content)?.size ?? 0
    }
  }

  /// Moves a message aside with all that belongs to it, so that `restore` can bring all of it back. A
  /// record of it that is damaged, too, says so.
  func moveAside(
    message key: UInt64,
    _ damage: RowDamage,
    _ step: inout Step
  ) throws(StoreError) {
    if let row = try tables.row(.messages, key) {
      try moveAside(.messages, row, damage, &step)
    }
    let kin = RowDamage(problem: "belongs to message \(RecordTable.messages.keyText(key))")
    for table in [RecordTable.bodies, .staged] {
      guard let row = try tables.row(table, key) else { continue }
      try moveAside(table, row, row.isWhole(in: table) ? kin : .wrongChecksum, &step)
    }
    let keys = key << 32...(key << 32 | 0xffff_ffff)
    while true {
      let rows = try tables.rows(.envelopes, in: keys, limit: TableLimits.rowsAtOnce)
      for row in rows {
        try moveAside(.envelopes, row, row.isWhole(in: .envelopes) ? kin : .wrongChecksum, &step)
      }
      guard rows.count == TableLimits.rowsAtOnce else { break }
    }
    if let id = MessageID(UInt32(truncatingIfNeeded: key)) { step.removed.insert(id) }
  }

  /// Moves aside what a page found damaged. A store that cannot be written (a full disk) keeps it where
  /// it is: it is left out all the same, and found again the next time.
  func moveAside(_ reading: PageReading) throws(StoreError) {
    guard !reading.damagedEnvelopes.isEmpty || !reading.damagedMessages.isEmpty else { return }
    try? moveAsideInTransaction { (step: inout Step) throws(StoreError) in
      for (row, damage) in reading.damagedEnvelopes {
        try self.moveAside(.envelopes, row, damage, &step)
      }
      for (key, damage) in reading.damagedMessages {
        try self.moveAside(message: key, damage, &step)
      }
    }
  }

  func moveAsideInTransaction(
    _ body: (inout Step) throws(StoreError) -> Void
  ) throws(StoreError) {
    var step = Step(totals: totals)
    try transaction(expecting: TableLimits.shownContent) { () throws(StoreError) in
      try body(&step)
      try writeTotals(step.totals)
    }
    totals = step.totals
    statisticsOfUse.quarantined += step.quarantined
    if let recent = recentBody, step.removed.contains(recent.id) { recentBody = nil }
  }

  func moveAside(setting name: String, _ value: NamedValue) throws(StoreError) {
    let record = QuarantinedRecord(
      name: try freeName("setting-\(name)"),
      reason: RowDamage.wrongChecksum.problem,
      size: value.content.count,
      when: now()
    )
    try transaction(expecting: 0) { () throws(StoreError) in
      try tables.setSetting(name, nil)
      try tables.putQuarantined(record, value.content)
    }
    statisticsOfUse.quarantined += 1
  }

  /// Enters a range of keys whose page cannot be read. Best effort: the page may be the quarantine's.
  func noteUnreadable(
    _ table: RecordTable,
    _ keys: ClosedRange<UInt64>,
    _ problem: String
  ) throws(StoreError) {
    let first = table.keyText(keys.lowerBound)
    let record = QuarantinedRecord(
      name: "unreadable-\(table.recordName)-\(first)",
      reason: "\(table.recordName) \(first) to \(table.keyText(keys.upperBound)): \(problem)",
      size: 0,
      when: now()
    )
    guard let known = try? tables.quarantinedContent(record.name) == nil, known else { return }
    do throws(StoreError) {
      try transaction(expecting: 0) { () throws(StoreError) in try tables.putQuarantined(record, [])
      }
      statisticsOfUse.quarantined += 1
    } catch {
      return
    }
  }

  /// Removes files that no record and no quarantined record is about.
  func sweepStaged() throws(StoreError) -> Int {
    // What a change of the journal that cannot be read was about nobody knows.
    let aside = try tables.quarantined()
    guard !aside.contains(where: { $0.name.hasPrefix("journal-") }) else { return 0 }
    var kept: Set<MessageID> = []
    var lower: UInt64 = 0
    while true {
      let keys = try tables.keys(.staged, in: lower...UInt64.max, limit: TableLimits.keysAtOnce)
      for key in keys {
        if let id = MessageID(UInt32(truncatingIfNeeded: key)) { kept.insert(id) }
      }
      guard keys.count == TableLimits.keysAtOnce, let last = keys.last else { break }
      lower = last + 1
    }
    for record in aside {
      guard let (table, key) = TableStore.parse(record.name), table == .staged,
        let id = MessageID(UInt32(truncatingIfNeeded: key))
      else { continue }
      kept.insert(id)
    }
    return try stage.sweep { kept.contains($0) }
  }

  /// `name`, or that with a number behind it when something in quarantine has it already.
  private func freeName(_ name: String) throws(StoreError) -> String {
    var free = name
    var number = 2
    while try tables.quarantinedContent(free) != nil {
      free = "\(name)-\(number)"
      number += 1
    }
    return free
  }

  /// Reads the name of a row in quarantine, with the number that `freeName` may have added.
  static func parse(_ name: String) -> (table: RecordTable, key: UInt64)? {
    let parts = name.split(separator: "-")
    guard parts.count == 2 || parts.count == 3, let key = UInt64(parts[1], radix: 16),
      let table = RecordTable.allCases.first(where: { $0.recordName == parts[0] })
    else { return nil }
    return (table, key)
  }
}
