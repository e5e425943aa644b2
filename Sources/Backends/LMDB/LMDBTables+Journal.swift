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
    /// As the journal has them.
    var bytes = 0

    mutating func add(changes count: Int, bytes extent: Int) {
      groups += 1
      changes += count
      bytes += extent
    }
  }

  // MARK: Opening

  /// Opens the journal, and carries out what the file has not. Returns remarks for the log.
  func openJournal() throws(StoreError) -> [String] {
    journal = Journal(disk: disk, limits: limits)
    pending = Pending()
    applied = try readApplied()
    let scans = try disk.asStore { () throws(DiskError) in
      try disk.ensureDirectory(LMDBTables.journalDirectory)
      try disk.synchronizeDirectory(LMDBTables.directory)
      return try journal.scan()
    }
    let recovery = JournalRecovery(scans, acknowledged: acknowledged)
    let needed = scans.filter { $0.scan.epoch ?? 0 >= recovery.tail }
    journal.resume(
      after: recovery,
      segments: needed.map {
        Journal.Segment(slot: $0.slot, epoch: $0.scan.epoch ?? 0, used: $0.scan.end)
      },
      behind: applied
    )
    var remarks = try replay(recovery)
    if recovery.hasTornTail {
      remarks.append("journal: the last group was not written whole and is left out")
    }
    try settle()
    if acknowledged != nil {
      // What the failed write left must not come back with the next start.
      try disk.asStore { () throws(DiskError) in try journal.mark() }
      acknowledged = nil
    }
    return remarks
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
      guard case .full = error else { throw error }
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
  private func replay(_ recovery: JournalRecovery) throws(StoreError) -> [String] {
    var remarks: [String] = []
    let damage = recovery.damage.filter { $0.sequence > applied }
    let steps = recovery.steps.filter { $0.group.header.sequence > applied }
    guard !damage.isEmpty || !steps.isEmpty else { return [] }
    let environment = try opened
    if !environment.isWriting { try environment.begin() }
    var content: (slot: Int, bytes: [UInt8]) = (-1, [])
    for step in steps {
      if step.slot != content.slot {
        let bytes = try disk.asStore { () throws(DiskError) in try journal.content(of: step.slot) }
        content = (step.slot, bytes)
      }
      for range in step.group.changes {
        try carryOut(content.bytes[range], of: step, &remarks)
      }
      pending.add(changes: step.group.changes.count, bytes: step.group.header.extent)
    }
    for damage in damage {
      remarks.append(try keep(damage))
      pending.add(changes: 0, bytes: 0)
    }
    if pending.changes > 0 { remarks.append("journal: \(pending.changes) changes recovered") }
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
      let damage = JournalRecovery.Damage(
        slot: step.slot,
        epoch: step.group.header.epoch,
        range: bytes.startIndex..<bytes.endIndex,
        problem: error.description,
        sequence: step.group.header.sequence
      )
      remarks.append(try keep(damage))
      return
    }
    switch change {
    case .put(let name, let key, let value): try opened.put(name, key, value, .replace)
    case .remove(let name, let key): _ = try opened.remove(name, key)
    }
  }

  /// Keeps what cannot be read where operators find it. Returns a remark.
  private func keep(_ damage: JournalRecovery.Damage) throws(StoreError) -> String {
    let bytes = try disk.asStore { () throws(DiskError) in try journal.content(of: damage.slot) }
    let place = "\(journal.path(damage.slot)): damaged at \(damage.range.lowerBound)"
    let content = Array(bytes[damage.range.clamped(to: 0..<bytes.count)])
    let record = QuarantinedRecord(
      name: "journal-\(damage.epoch)-\(damage.range.lowerBound)",
      reason: "\(place): \(damage.problem)",
      size: content.count,
      when: clock()
    )
    let entry = Environment.Value(QuarantineEntry(record: record, content: content).encoded())
    // Not in the journal, which has it already: the next start finds it again until a checkpoint.
    try opened.put(.quarantine, Array(record.name.utf8), entry, .replace)
    return "\(place): \(damage.problem)"
  }

  // MARK: Committing

  /// Whether the open transaction has collected so much that the next one begins with a checkpoint.
  func isFull(before bytes: Int) -> Bool {
    pending.groups > 0
      && (pending.changes >= limits.pendingChanges || pending.bytes + bytes > limits.pendingBytes)
  }

  /// Makes the changes of the open transaction that are `group` durable.
  func commitGroup() throws(StoreError) {
    let group = group
    self.group = GroupWriter()
    let extent = group.extent
    guard extent + GroupHeader.alignment <= limits.segmentBytes,
      !journal.needsNewSegment(for: extent) || journal.current == nil && journal.ready > 0
    else { return try checkpoint() }
    pending.add(changes: group.count, bytes: extent)
    do throws(DiskError) {
      _ = try journal.append(group)
    } catch {
      // Whether the group is on the disk nobody knows; that it was not answered is known.
      acknowledged = journal.acknowledged
      seal()
      throw error.storeError(in: disk.root)
    }
  }

  /// Commits what the open transaction has collected: all of the journal is then in the file.
  ///
  /// After `full` the transaction is as it was without the group that is not in the journal.
  func checkpoint() throws(StoreError) {
    let environment = try opened
    guard environment.isWriting else { return }
    do throws(StoreError) {
      var number = ByteWriter(reserving: 8)
      number.write(journal.acknowledged)
      let value = Environment.Value(number.finish())
      try environment.put(.meta, LMDBTables.appliedKey, value, .replace)
      try environment.commit()
    } catch {
      guard isForSpace(error) else {
        seal()
        throw error
      }
      rebuild()
      throw .full(path: path)
    }
    applied = journal.acknowledged
    pending = Pending()
    retireAll()
  }

  /// liblmdb tells a write that was cut short for want of space as an I/O error.
  private func isForSpace(_ error: StoreError) -> Bool {
    if case .full = error { return true }
    guard case .failed(_, _, LMDBError.shortWrite, _) = error, let space = try? disk.space() else {
      return false
    }
    return space.bytesAvailable < expected
  }

  /// Lets the files of the journal be written over whose groups are all in the database's file.
  private func retireAll() {
    guard applied == journal.acknowledged else { return }
    if journal.needsNewSegment(for: limits.segmentBytes / 4) { journal.closeCurrent() }
    while !journal.closed.isEmpty { journal.retireOldest() }
  }

  // MARK: Failures

  /// Takes back the changes of the open transaction that are not in the journal.
  func takeBack() {
    guard let environment, environment.isWriting else { return }
    let isClean = group.isEmpty && !environment.hasFailed
    group = GroupWriter()
    if isClean, pending.groups > 0 { return }
    rebuild()
  }

  /// Begins the transaction anew with what the journal has and the file has not.
  private func rebuild() {
    environment?.rollBack()
    guard pending.groups > 0 else { return }
    pending = Pending()
    do throws(StoreError) {
      let scans = try disk.asStore { () throws(DiskError) in try journal.rescan() }
      _ = try replay(JournalRecovery(scans, acknowledged: journal.acknowledged))
    } catch {
      seal()
    }
  }

  /// Nothing can be read or written until the tables are opened again.
  func seal() {
    environment = nil
    pending = Pending()
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
