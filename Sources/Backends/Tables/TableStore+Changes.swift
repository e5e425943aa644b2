// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
package import Queue

extension TableStore {
  package func apply(_ changes: [Change]) throws(StoreError) {
    precondition(state != .closed, "a change to a closed store")
    guard !changes.isEmpty else { return }
    var step = Step(totals: totals)
    try transaction(expecting: TableStore.size(of: changes)) { () throws(StoreError) in
      for change in changes { try carryOut(change, &step) }
      try writeTotals(step.totals)
    }
    totals = step.totals
    statisticsOfUse.quarantined += step.quarantined
    // A file that stays is an orphan, which the next opening sweeps.
    for id in step.unstaged { try? stage.remove(id) }
    if let recent = recentBody, step.removed.contains(recent.id) { recentBody = nil }
    for id in step.removed { bodySums.forget(id) }
  }

  /// What becomes true when a transaction is committed.
  struct Step {
    var totals: StoreTotals
    /// Messages whose files can go.
    var unstaged: [MessageID] = []
    var removed: Set<MessageID> = []
    var quarantined = 0
  }

  /// Runs `body` in a transaction that is durable when this returns.
  ///
  /// What failed for want of space or because of the request leaves the store usable. After any other
  /// failed commit it is sealed: pages may be half written, and the kernel reports a failed sync once.
  func transaction(
    expecting bytes: Int,
    _ body: () throws(StoreError) -> Void
  ) throws(StoreError) {
    guard state != .sealed else { throw .sealed(path: tables.path) }
    let clock = ContinuousClock()
    // The beginning may have to wait for a checkpoint, which counts as the commit's own wait does.
    let beginning = clock.now
    do throws(StoreError) {
      try tables.begin(expecting: bytes)
    } catch {
      throw sealing(after: error)
    }
    let wait = beginning.duration(to: clock.now)
    do throws(StoreError) {
      try body()
    } catch {
      tables.rollBack()
      if !tables.isOpen { state = .sealed }
      throw error
    }
    let start = clock.now
    do throws(StoreError) {
      try tables.commit()
    } catch {
      tables.rollBack()
      if case .full = error, tables.isOpen { throw error }
      state = .sealed
      throw sealing(after: error)
    }
    let duration = wait + start.duration(to: clock.now)
    statisticsOfUse.syncs += 1
    statisticsOfUse.lastSync = duration
    statisticsOfUse.longestSync = max(statisticsOfUse.longestSync, duration)
  }

  /// Seals when the tables have closed themselves. That there was no space tells no more than that then.
  private func sealing(after error: StoreError) -> StoreError {
    guard !tables.isOpen else { return error }
    state = .sealed
    if case .full = error { return .sealed(path: tables.path) }
    return error
  }

  /// About how many bytes the changes write.
  private static func size(of changes: [Change]) -> Int {
    changes.reduce(0) { size, change in
      guard case .insert(let new) = change, case .bytes(let body) = new.body else {
        return size + TableLimits.recordUsual
      }
      return size + body.count + TableLimits.recordUsual * (1 + new.envelopes.count)
    }
  }

  func writeTotals(_ new: StoreTotals) throws(StoreError) {
    guard new != totals else { return }
    let content = new.encoded()
    try tables.setSetting(
      StoreTotals.settingName,
      NamedValue(content: content, checksum: Checksum.of(content))
    )
  }

  private func carryOut(_ change: Change, _ step: inout Step) throws(StoreError) {
    switch change {
    case .insert(let new): try insert(new, &step)
    case .add(let envelope):
      let message = UInt64(envelope.id.message.rawValue)
      guard try tables.row(.messages, message) != nil else { throw .absent }
      try insert(envelope, &step)
    case .update(let id, let update): try self.update(id, update, &step)
    case .removeEnvelope(let id):
      if try tables.remove(.envelopes, id.rawValue) { step.totals.envelopes -= 1 }
    case .removeMessage(let id): try remove(id, &step)
    case .set(let name, let value):
      precondition(name.utf8.count <= TableLimits.settingName, "a setting's name is too long")
      precondition(!name.hasPrefix("store."), "a setting's name that is the store's own")
      guard let value else {
        try tables.setSetting(name, nil)
        return
      }
      precondition(value.count <= TableLimits.settingValue, "a setting is too long")
      try tables.setSetting(name, NamedValue(content: value, checksum: Checksum.of(value)))
    }
  }

  private func insert(_ new: NewMessage, _ step: inout Step) throws(StoreError) {
    let key = UInt64(new.message.id.rawValue)
    try tables.insert(.messages, RecordRow(.messages, key, new.message.encodedRecord()))
    switch new.body {
    case .bytes(let bytes): try tables.insert(.bodies, RecordRow(.bodies, key, bytes))
    case .staged(let size, let checksum):
      let file = StagedFile(size: size, checksum: checksum)
      try tables.insert(.staged, RecordRow(.staged, key, file.encoded()))
    }
    for envelope in new.envelopes {
      precondition(envelope.id.message == new.message.id, "an envelope of another message")
      try insert(envelope, &step)
    }
    step.totals.messages += 1
    step.totals.bodyBytes += new.body.size
  }

  private func insert(_ envelope: Envelope, _ step: inout Step) throws(StoreError) {
    let key = envelope.id.rawValue
    try tables.insert(.envelopes, RecordRow(.envelopes, key, envelope.encodedRecord()))
    step.totals.envelopes += 1
  }

  private func update(
    _ id: EnvelopeID,
    _ update: EnvelopeUpdate,
    _ step: inout Step
  ) throws(StoreError) {
    guard let row = try tables.row(.envelopes, id.rawValue) else { return }
    switch decodeEnvelope(row) {
    case .success(var envelope):
      envelope.apply(update)
      try tables.put(.envelopes, RecordRow(.envelopes, row.key, envelope.encodedRecord()))
    case .failure(let damage): try moveAside(.envelopes, row, damage, &step)
    }
  }

  private func remove(_ id: MessageID, _ step: inout Step) throws(StoreError) {
    let key = UInt64(id.rawValue)
    guard !hasEnvelopeAside.contains(id) else {
      step.totals.envelopes -= try tables.remove(.envelopes, in: id.envelopeKeys)
      return
    }
    guard try tables.remove(.messages, key) else { return }
    step.totals.messages -= 1
    step.removed.insert(id)
    step.totals.envelopes -= try tables.remove(.envelopes, in: id.envelopeKeys)
    if let size = try tables.size(.bodies, key) {
      _ = try tables.remove(.bodies, key)
      step.totals.bodyBytes -= size
    } else if let row = try tables.row(.staged, key) {
      _ = try tables.remove(.staged, key)
      step.totals.bodyBytes -= StagedFile(encoded: row.content)?.size ?? 0
      step.unstaged.append(id)
    }
  }
}

extension MessageID {
  /// The keys that envelopes of this message can have.
  var envelopeKeys: ClosedRange<UInt64> {
    let first = UInt64(rawValue) << 32
    return first...first | 0xffff_ffff
  }
}

/// The record of a body that is a file.
struct StagedFile: Equatable, Sendable {
  var size: Int
  /// CRC-32C; nil where an earlier version has stored none.
  var checksum: UInt32?

  init(size: Int, checksum: UInt32?) {
    precondition(size >= 0)
    self.size = size
    self.checksum = checksum
  }

  /// Returns nil when the bytes are not what `encoded` returned.
  init?(encoded: [UInt8]) {
    var reader = ByteReader(encoded)
    do throws(DecodingError) {
      size = try reader.readCount(of: "size", atMost: .max)
      if !reader.isAtEnd { checksum = try reader.readInteger(UInt32.self) }
      try reader.expectEnd()
    } catch {
      return nil
    }
  }

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: 14)
    writer.writeVariable(UInt64(size))
    if let checksum { writer.write(checksum) }
    return writer.finish()
  }
}
