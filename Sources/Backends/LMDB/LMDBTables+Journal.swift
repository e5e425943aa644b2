// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
internal import Queue
internal import StoreJournal

/// The journal before the database.
///
/// A commit is durable once its changes are in the journal: one write, one sync. They stay in one
/// transaction of LMDB, which collects them, and a checkpoint commits that. With it goes the number of
/// the last group that it holds, so that a start carries out the groups behind that number and no other.
extension LMDBTables {
  /// In the spool.
  static let journalDirectory = "lmdb/journal"
  private static let appliedKey = Array("journal".utf8)

  /// What LMDB's open transaction holds and its file does not.
  struct Pending {
    var groups = 0
    var changes = 0
    /// Those that may be of pages of their own.
    var scattered = 0
    /// As the journal has them.
    var bytes = 0

    mutating func add(changes count: Int, scattered pages: Int, bytes extent: Int) {
      groups += 1
      changes += count
      scattered += pages
      bytes += extent
    }
  }

  /// Whether the database was there when it was opened.
  enum FileState: Sendable {
    case new
    case old
  }

  // MARK: Opening

  /// Opens the journal, and carries out what the file has not. Returns remarks for the log.
  func openJournal(before file: FileState) throws(StoreError) -> [String] {
    journal = Journal(disk: disk, limits: limits)
    pending = Pending()
    applied = try readApplied()
    let recovery = try disk.asStore { () throws(DiskError) in
      try disk.ensureDirectory(LMDBTables.journalDirectory)
      try disk.synchronizeDirectory(LMDBTables.directory)
      return try journal.recover(acknowledged: acknowledged, behind: applied)
    }
    guard file == .old || recovery.steps.isEmpty else {
      throw .unusable(
        path: "\(disk.root)/\(LMDBTables.journalDirectory)",
        problem: "it belongs to a database that is gone",
        remedy: "put data.mdb back where it was, or move all of \(path) away"
      )
    }
    isRecovered = true
    var remarks = try replay(recovery)
    if recovery.hasTornTail, recovery.nextSequence > applied {
      remarks.append(JournalRecovery.tornTail)
    }
    if acknowledged == nil {
      try settle()
    } else {
      try leaveOutWhatFailed()
    }
    return remarks
  }

  /// The group behind the last acknowledged one may be on the disk all the same: it must not come back with
  /// the next start. Its number counts as carried out from here on.
  private func leaveOutWhatFailed() throws(StoreError) {
    if try !opened.isWriting { try begin(try opened, expecting: 0) }
    pending.add(changes: 0, scattered: 0, bytes: 0)
    do throws(StoreError) {
      try checkpoint(upTo: journal.acknowledged + 1)
      journal.skipNumber()
    } catch {
      guard case .full = error, environment != nil else { throw error }
      try disk.asStore { () throws(DiskError) in try journal.mark() }
    }
    acknowledged = nil
    try settle()
  }

  /// Commits what was collected, and makes files for what comes. A full disk can wait with both: the
  /// journal has all of it.
  func settle() throws(StoreError) {
    do throws(StoreError) {
      if pending.groups > 0 { try checkpoint() }
      retireAll()
      while journal.ready < 2, journal.canGrow {
        try disk.asStore { () throws(DiskError) in try journal.grow() }
      }
    } catch {
      guard case .full = error, environment != nil else { throw error }
    }
  }

  /// The last group that is in the file.
  private func readApplied() throws(StoreError) -> UInt64 {
    guard let value = try opened.value(.meta, LMDBTables.appliedKey) else { return 0 }
    var reader = ByteReader(value.content)
    guard value.checksum == Checksum.of(value.content),
      let number = try? reader.readInteger(UInt64.self), reader.isAtEnd
    else {
      throw .damaged(path: path, problem: "how far the journal is carried out cannot be read")
    }
    return number
  }

  /// Carries out, in the open transaction or a new one, the groups that the file has not.
  @discardableResult
  private func replay(_ recovery: JournalRecovery) throws(StoreError) -> [String] {
    var remarks: [String] = []
    let damage = recovery.damage.filter { $0.sequence > applied }
    let steps = recovery.steps.filter { $0.group.header.sequence > applied }
    guard !damage.isEmpty || !steps.isEmpty else { return [] }
    let environment = try opened
    if !environment.isWriting { try begin(environment, expecting: 0) }
    if let first = steps.first?.group.header.sequence, damage.isEmpty, first > applied + 1 {
      remarks.append(
        "journal: groups \(applied + 1) to \(first - 1) are missing: data.mdb is older than the journal"
      )
    }
    var content: (slot: Int, bytes: [UInt8]) = (-1, [])
    for step in steps {
      if step.slot != content.slot {
        let bytes = try disk.asStore { () throws(DiskError) in try journal.content(of: step.slot) }
        content = (step.slot, bytes)
      }
      for range in step.group.changes {
        try carryOut(content.bytes[range], of: step, &remarks)
      }
      let count = step.group.changes.count
      pending.add(changes: count, scattered: count, bytes: step.group.header.extent)
    }
    for damage in damage {
      if damage.slot != content.slot {
        let bytes = try disk.asStore { () throws(DiskError) in
          try journal.content(of: damage.slot)
        }
        content = (damage.slot, bytes)
      }
      let range = damage.range.clamped(to: 0..<content.bytes.count)
      remarks.append(try keep(content.bytes[range], damage))
      pending.add(changes: 1, scattered: 1, bytes: 0)
    }
    if !steps.isEmpty {
      let count = steps.reduce(0) { $0 + $1.group.changes.count }
      remarks.append("journal: \(count) changes recovered")
    }
    return remarks
  }

  private func carryOut(
    _ bytes: ArraySlice<UInt8>,
    of step: JournalRecovery.Step,
    _ remarks: inout [String]
  ) throws(StoreError) {
    let change: LoggedChange
    do throws(DecodingError) {
      change = try LoggedChange(bytes)
    } catch {
      let damage = step.damage(bytes.startIndex..<bytes.endIndex, error.description)
      remarks.append(try keep(bytes, damage))
      return
    }
    switch change {
    case .put(let name, let key, let value): try opened.put(name, key, value, .replace)
    case .remove(let name, let key): _ = try opened.remove(name, key)
    }
  }

  /// Keeps what cannot be read where operators find it. Returns a remark.
  private func keep(
    _ bytes: ArraySlice<UInt8>,
    _ damage: JournalRecovery.Damage
  ) throws(StoreError) -> String {
    let remark = journal.remark(on: damage)
    let record = QuarantinedRecord(
      name: damage.name,
      reason: remark,
      size: bytes.count,
      when: clock()
    )
    let entry = QuarantineEntry(record: record, content: Array(bytes)).encoded()
    // Not in the journal, which has it already: the next start finds it again until a checkpoint.
    try opened.put(
      .quarantine,
      Array(damage.name.utf8),
      Environment.Value(entry),
      .replace
    )
    return remark
  }

  // MARK: Committing

  /// Whether the open transaction has collected so much that the next group begins with a checkpoint.
  func isFull(before bytes: Int) -> Bool {
    pending.groups > 0
      && (pending.scattered >= limits.pendingChanges
        || pending.bytes + bytes > limits.pendingBytes)
      && pending.bytes >= checkpointFrom
  }

  /// A checkpoint, which a full disk puts off as long as the journal has room.
  func makeRoom() throws(StoreError) {
    do throws(StoreError) {
      try checkpoint()
    } catch {
      let needed = GroupHeader.extent(of: expected)
      guard case .full = error, environment != nil,
        journal.ready > 0 || !journal.needsNewSegment(for: needed)
      else { throw error }
    }
  }

  /// Makes the changes of the open transaction that are `group` durable.
  func commitGroup() throws(StoreError) {
    let group = group
    let pages = scattered
    self.group = GroupWriter()
    scattered = 0
    let extent = group.extent
    let fits = extent + GroupHeader.alignment <= limits.segmentBytes
    guard fits, !journal.needsNewSegment(for: extent) || isRoomBehindCurrent else {
      return try checkpoint()
    }
    let count = group.count
    if journal.needsNewSegment(for: extent) { journal.closeCurrent() }
    do throws(DiskError) {
      _ = try journal.append(group)
      pending.add(changes: count, scattered: pages, bytes: extent)
    } catch {
      // Nothing was written where no file could be made for it.
      guard journal.isSealed else { return try checkpoint() }
      // Whether the group is on the disk nobody knows; that it was not answered is known.
      seal()
      throw error.storeError(in: disk.root)
    }
  }

  /// Whether another file of the journal can be begun now. As a rule a checkpoint comes first, which frees those
  /// before it.
  private var isRoomBehindCurrent: Bool {
    journal.ready > 0 && (journal.current == nil || checkpointFrom > 0)
  }

  /// Commits what the open transaction has collected: all of the journal is then in the file.
  ///
  /// After `full` the transaction is as it was without the group that is not in the journal.
  ///
  /// - Parameter number: of the last group that counts as carried out; nil: the last one there is.
  func checkpoint(upTo number: UInt64? = nil) throws(StoreError) {
    let environment = try opened
    guard environment.isWriting else { return }
    let last = number ?? journal.acknowledged
    do throws(StoreError) {
      var encoded = ByteWriter(reserving: 8)
      encoded.write(last)
      let value = Environment.Value(encoded.finish())
      try environment.put(.meta, LMDBTables.appliedKey, value, .replace)
      try commitFault()
      try environment.commit()
    } catch {
      guard isForSpace(error) else {
        seal()
        throw error
      }
      environment.unpin()
      try rebuild()
      // Not with each group from here on, as long as the journal has room.
      checkpointFrom = pending.bytes + limits.pendingBytes / 4
      throw .full(path: path)
    }
    applied = last
    pending = Pending()
    checkpointFrom = 0
    retireAll()
  }

  /// liblmdb tells a write that was cut short for want of space as an I/O error.
  private func isForSpace(_ error: StoreError) -> Bool {
    if case .full = error { return true }
    guard case .failed(_, _, LMDBError.shortWrite, _) = error, let space = try? disk.space() else {
      return false
    }
    return space.bytesAvailable < spaceExpected
  }

  /// Lets the files of the journal be written over whose groups are all in the database's file.
  private func retireAll() {
    guard applied >= journal.acknowledged else { return }
    if journal.needsNewSegment(for: limits.segmentBytes / 4) { journal.closeCurrent() }
    while !journal.closed.isEmpty { journal.retireOldest() }
  }

  // MARK: Failures

  /// Takes back the changes of the open transaction that are not in the journal.
  func rollBack() {
    guard let environment, environment.isWriting else { return }
    let isClean = group.isEmpty && !environment.hasFailed
    group = GroupWriter()
    scattered = 0
    if isClean, pending.groups > 0 { return }
    // Who comes next is told that it is sealed, if need be.
    try? rebuild()
  }

  /// Begins the transaction anew with what the journal has and the file has not.
  func rebuild() throws(StoreError) {
    environment?.rollBack()
    guard pending.groups > 0 else { return }
    pending = Pending()
    do throws(StoreError) {
      try replay(try disk.asStore { () throws(DiskError) in try journal.recovered() })
    } catch {
      seal()
      throw error
    }
  }

  /// Nothing can be read or written until the tables are opened again. What was acknowledged by then is not
  /// forgotten, unless all of it is in the database's file.
  func seal() {
    if isRecovered, journal.isSealed || applied < journal.acknowledged {
      acknowledged = acknowledged ?? journal.acknowledged
    }
    isRecovered = false
    environment = nil
    pending = Pending()
    checkpointFrom = 0
    group = GroupWriter()
    scattered = 0
    journal.close()
  }
}

extension Journal {
  /// The journal of an LMDB store.
  init(disk: any Disk, limits: LMDBLimits) {
    self.init(
      disk: disk,
      directory: LMDBTables.journalDirectory,
      segmentBytes: limits.segmentBytes,
      segments: limits.segments
    )
  }
}
