// SPDX-License-Identifier: ISC

internal import Disk
package import Mail
package import Queue

extension TableStore {
  package func verify(after: MessageID?, limit: Int) throws(StoreError) -> VerifyPage {
    precondition(limit >= 1)
    var page = VerifyPage()
    let first = after.map { UInt64($0.rawValue) + 1 } ?? 0
    let found = try readableRows(.messages, in: first...UInt64.max, limit: limit)
    let rows = firstRows(of: found)
    var last = UInt64(UInt32.max)
    if found.count == limit || rows.count < found.count, let end = rows.last {
      last = end.key
      page.next = MessageID(UInt32(truncatingIfNeeded: end.key))
    }
    guard first <= last else { return page }

    var check = VerifyCheck()
    check.damage = []
    try checkEnvelopes(of: rows, in: first << 32...(last << 32 | 0xffff_ffff), &check)
    for row in rows { try checkMessage(row, &check) }
    try findStrays(.bodies, in: first...last, &check)
    try findStrays(.staged, in: first...last, &check)

    page.messagesChecked = rows.count
    page.envelopesChecked = check.envelopes
    page.findings = check.damage.map(\.finding)
    try moveAside(check.damage)
    return page
  }

  /// So many messages that their bodies can be read in one call.
  private func firstRows(of rows: [RecordRow]) -> [RecordRow] {
    var bytes = 0
    let enough = rows.firstIndex { row in
      defer { if case .success(let message) = decodeMessage(row) { bytes += message.size } }
      return bytes >= TableLimits.verifiedBytes
    }
    return enough.map { Array(rows[..<$0]) } ?? rows
  }

  /// What is wrong with one row, and whether its whole message has to go with it.
  private struct Damage {
    var table: RecordTable
    var row: RecordRow
    var problem: RowDamage
    var extent: Extent

    enum Extent {
      case record
      case message
    }

    var finding: VerifyFinding {
      VerifyFinding(
        record: "\(table.recordName) \(table.keyText(row.key))",
        problem: problem.problem
      )
    }
  }

  private struct VerifyCheck {
    var damage: [Damage] = []
    var envelopes = 0
    /// The messages of this page, and how many good envelopes each has.
    var owners: [UInt64: Int] = [:]

    mutating func found(
      _ table: RecordTable,
      _ row: RecordRow,
      _ problem: String,
      extent: Damage.Extent
    ) {
      damage.append(
        Damage(table: table, row: row, problem: RowDamage(problem: problem), extent: extent)
      )
    }
  }

  private func checkEnvelopes(
    of messages: [RecordRow],
    in keys: ClosedRange<UInt64>,
    _ check: inout VerifyCheck
  ) throws(StoreError) {
    for row in messages { check.owners[row.key] = 0 }
    var lower = keys.lowerBound
    while true {
      let rows = try readableRows(
        .envelopes,
        in: lower...keys.upperBound,
        limit: TableLimits.rowsAtOnce
      )
      for row in rows {
        check.envelopes += 1
        if case .failure(let damage) = decodeEnvelope(row) {
          check.found(.envelopes, row, damage.problem, extent: .record)
        } else if let count = check.owners[row.key >> 32] {
          check.owners[row.key >> 32] = count + 1
        } else {
          check.found(.envelopes, row, "it has no message", extent: .record)
        }
      }
      guard rows.count == TableLimits.rowsAtOnce, let last = rows.last,
        last.key < keys.upperBound
      else { return }
      lower = last.key + 1
    }
  }

  private func checkMessage(_ row: RecordRow, _ check: inout VerifyCheck) throws(StoreError) {
    if case .failure(let damage) = decodeMessage(row) {
      check.found(.messages, row, damage.problem, extent: .message)
      return
    }
    do throws(StoreError) {
      if let body = try tables.row(.bodies, row.key) {
        guard body.isWhole(in: .bodies) else {
          check.found(.bodies, body, RowDamage.wrongChecksum.problem, extent: .message)
          return
        }
      } else if let staged = try tables.row(.staged, row.key) {
        if let problem = try problem(ofStaged: staged) {
          // What only has a wrong checksum can be put back, and is then named as what it is.
          let isReadable = problem.problem == RowDamage.wrongChecksum.problem
          let (table, damaged) = isReadable ? (RecordTable.staged, staged) : (.messages, row)
          check.found(table, damaged, problem.problem, extent: .message)
          return
        }
      } else {
        check.found(.messages, row, "it has no body", extent: .message)
        return
      }
    } catch {
      guard case .damaged(_, let problem) = error else { throw error }
      check.found(.messages, row, "its body cannot be read: \(problem)", extent: .message)
      return
    }
    // The envelopes of a message without any may be in quarantine, and need it when they come back.
    let isAwaited = MessageID(UInt32(truncatingIfNeeded: row.key)).map(hasEnvelopeAside.contains)
    if check.owners[row.key] == 0, isAwaited != true {
      check.found(.messages, row, "it has no envelope", extent: .message)
    }
  }

  private func problem(ofStaged row: RecordRow) throws(StoreError) -> RowDamage? {
    guard row.isWhole(in: .staged), let file = StagedFile(encoded: row.content),
      let id = MessageID(UInt32(truncatingIfNeeded: row.key))
    else { return RowDamage(problem: "the record of its body's file is damaged") }
    guard let found = try stage.size(of: id) else {
      return RowDamage(problem: "its body's file is missing")
    }
    guard found == file.size else {
      return RowDamage(problem: "its body's file has \(found) bytes, not \(file.size)")
    }
    guard let checksum = file.checksum, try stage.checksum(of: id) != checksum else { return nil }
    return .wrongChecksum
  }

  /// Bodies without a message.
  private func findStrays(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    _ check: inout VerifyCheck
  ) throws(StoreError) {
    var lower = keys.lowerBound
    while true {
      let found = try tables.keys(
        table,
        in: lower...keys.upperBound,
        limit: TableLimits.keysAtOnce
      )
      for key in found where check.owners[key] == nil {
        guard let row = try tables.row(table, key) else { continue }
        check.found(table, row, "it has no message", extent: .record)
      }
      guard found.count == TableLimits.keysAtOnce, let last = found.last,
        last < keys.upperBound
      else { return }
      lower = last + 1
    }
  }

  private func moveAside(_ damage: [Damage]) throws(StoreError) {
    guard !damage.isEmpty else { return }
    try moveAsideInTransaction { (step: inout Step) throws(StoreError) in
      for item in damage {
        switch item.extent {
        case .record: try self.moveAside(item.table, item.row, item.problem, &step)
        case .message:
          // The row itself first, so that it carries the reason.
          try self.moveAside(item.table, item.row, item.problem, &step)
          let key = item.row.key
          try self.moveAside(message: key, RowDamage(problem: "its body is damaged"), &step)
        }
      }
    }
  }
}
