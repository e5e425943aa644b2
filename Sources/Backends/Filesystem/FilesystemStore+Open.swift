// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
package import Queue
internal import StoreJournal

/// Opening, recovery, and the clean stop.
extension FilesystemStore {
  private static let directories = [
    SpoolTree.queue, SpoolTree.incoming, FilesystemStore.journalDirectory, BodyStage.name,
    Quarantine.directory,
  ]
  private static let settingsPath = "settings"

  package func open() throws(StoreError) -> OpenReport {
    precondition(state == .closed)
    if locking == .take { lock = try SpoolLock.take(on: disk) }
    do throws(StoreError) {
      do throws(StoreError) {
        return try openLocked(acknowledged: nil)
      } catch {
        // With the space that is kept for that.
        guard case .full = error, try SpaceReserve.release(on: disk) else { throw error }
        journal.close()
        return try openLocked(acknowledged: nil)
      }
    } catch {
      journal.close()
      lock = nil
      throw error
    }
  }

  package func reopen() throws(StoreError) -> OpenReport {
    guard state != .closed else { return try open() }
    state = .sealed
    var before = (journal: journal, overlay: overlay, withheld: withheld, settings: settings)
    journal = Journal(disk: disk, limits: limits)
    do throws(StoreError) {
      let report = try openLocked(acknowledged: before.journal.acknowledged)
      before.journal.close()
      return report
    } catch {
      // Only a journal that was recovered knows what was acknowledged: the next attempt needs it.
      journal.close()
      journal = before.journal
      overlay = before.overlay
      withheld = before.withheld
      settings = before.settings
      // For the next attempt, and for what it has to write.
      if case .full = error { _ = try? reserve.release() }
      throw error
    }
  }

  private func openLocked(acknowledged: UInt64?) throws(StoreError) -> OpenReport {
    var report = OpenReport()
    try checkOwnership()
    try SpoolFormat.claim(FilesystemStore.formatVersion, on: disk)
    try prepareDirectories()
    report.orphansRemoved += try sweepIncoming()
    try onDisk { () throws(DiskError) in try quarantine.open() }
    try readSettings(&report)
    overlay = Overlay()
    bodySums = BodySums()
    journal = Journal(disk: disk, limits: limits)
    progress = [:]
    tree.forgetListing()
    let counts = settings.counts
    try recover(acknowledged: acknowledged, &report)
    if acknowledged == nil { try refusePacked() }
    // Later, a body that belongs to nothing may be one on its way; and what of the journal cannot be read
    // may have been about any.
    let isJournalWhole = try onDisk { () throws(DiskError) in try !quarantine.hasJournal() }
    if acknowledged == nil, isJournalWhole {
      report.orphansRemoved += try stage.sweep { id in overlay[id]?.hasStagedBody == true }
    }
    try count(from: report.recoveredChanges == 0 ? counts : nil)
    settingsHaveCounts = counts != nil
    checkpointDebt = 0
    while journal.ready < 2, journal.canGrow, try grow() {}
    if acknowledged != nil {
      // What the failed write left must not come back with the next start.
      try onDisk { () throws(DiskError) in try timed { () throws(DiskError) in try journal.mark() }
      }
    }
    // Behind what has to be written: it may be the last room that there is.
    try reserve.build(floor: limits.floor)
    report.quarantined = quarantine.count
    state = .open
    return report
  }

  /// The parts of the spool must be ours alone: a spool of OpenSMTPD's users is not.
  private func checkOwnership() throws(StoreError) {
    let names = FilesystemStore.directories + [FilesystemStore.settingsPath]
    for name in names {
      guard let facts = try onDisk({ () throws(DiskError) in try disk.facts(name) }) else {
        continue
      }
      let path = "\(disk.root)/\(name)"
      guard facts.kind != .other else {
        throw .unusable(
          path: path,
          problem: "neither a file nor a directory",
          remedy: "move it away"
        )
      }
      guard facts.owner == disk.user else {
        throw .unusable(
          path: path,
          problem: "belongs to user \(facts.owner) and this is user \(disk.user)",
          remedy: "stop the other mail server, then: chown -R \(disk.user) \(path)"
        )
      }
      guard facts.mode & 0o077 == 0 else {
        throw .unusable(
          path: path,
          problem: "others than its owner may use it",
          remedy: "chmod -R go= \(path)"
        )
      }
    }
  }

  /// A spool whose files OpenSMTPD has compressed or encrypted is left as it is: nothing in it is
  /// damaged. The first envelope stands for all.
  private func refusePacked() throws(StoreError) {
    var message = try onDisk { () throws(DiskError) in try tree.next(after: nil) }
    var looks = 0
    while let id = message, looks < 16 {
      looks += 1
      if let packing = try onDisk({ () throws(DiskError) in try tree.packing(of: id) }) {
        throw .unusable(
          path: "\(disk.root)/\(SpoolTree.path(of: id))",
          problem: "its envelopes are \(packing.rawValue)",
          remedy: "let OpenSMTPD deliver them, or start it once without `queue \(packing.word)`, "
            + "and start this server when its queue is empty; nothing was changed"
        )
      }
      message = try onDisk { () throws(DiskError) in try tree.next(after: id) }
    }
  }

  private func prepareDirectories() throws(StoreError) {
    do throws(DiskError) {
      for directory in FilesystemStore.directories where try disk.facts(directory) == nil {
        try disk.ensureDirectory(directory)
      }
      try disk.synchronizeDirectory("")
    } catch {
      guard error.code == .denied || error.code == .readOnly else {
        throw error.storeError(in: disk.root)
      }
      let remedy =
        error.code == .readOnly
        ? "mount it for writing" : "chown \(disk.user) \(disk.root), or name another with -S"
      throw .unusable(path: disk.root, problem: error.explanation, remedy: remedy)
    }
  }

  /// What an OpenSMTPD had not committed, and temporary files of ours.
  private func sweepIncoming() throws(StoreError) -> Int {
    try onDisk { () throws(DiskError) in
      var removed = 0
      for entry in try disk.list(SpoolTree.incoming) {
        let path = "\(SpoolTree.incoming)/\(entry.name)"
        if entry.kind == .directory {
          for inner in try disk.list(path) where inner.kind != .directory {
            try disk.removeIfPresent("\(path)/\(inner.name)")
          }
          try disk.removeDirectory(path)
        } else {
          try disk.removeIfPresent(path)
        }
        removed += 1
      }
      return removed
    }
  }

  private func readSettings(_ report: inout OpenReport) throws(StoreError) {
    settings = SpoolSettings()
    let path = FilesystemStore.settingsPath
    let content = try onDisk { () throws(DiskError) in
      try disk.content(of: path, atMost: SpoolSettings.fileMax)
    }
    guard let content else { return }
    do throws(DecodingError) {
      settings = try SpoolSettings(content)
    } catch {
      report.remarks.append("settings: \(error); moved to quarantine, pauses may be lost")
      try onDisk { () throws(DiskError) in
        try quarantine.take(path, as: "settings", because: error.description, at: clock())
      }
    }
  }

  func writeSettings() throws(DiskError) {
    try disk.replace(
      FilesystemStore.settingsPath,
      with: settings.encoded,
      through: "\(SpoolTree.incoming)/settings.tmp"
    )
    statisticsNow.syncs += 1
  }

  // MARK: Recovery

  private func recover(
    acknowledged: UInt64?,
    _ report: inout OpenReport
  ) throws(StoreError) {
    let recovery = try onDisk { () throws(DiskError) in
      try journal.recover(acknowledged: acknowledged)
    }
    for damage in recovery.damage { try keepDamage(damage, &report) }
    if recovery.hasTornTail {
      report.remarks.append(JournalRecovery.tornTail)
    }
    var slot = -1
    var content: [UInt8] = []
    for step in recovery.steps {
      if step.slot != slot {
        slot = step.slot
        content = try onDisk { () throws(DiskError) in try journal.content(of: slot) }
      }
      for range in step.group.changes {
        try replay(content, range, step, &report)
      }
    }
    try forgetSetAside()
    try dropBodiless(&report)
    if report.recoveredChanges > 0 {
      report.remarks.append("journal: \(report.recoveredChanges) changes recovered")
    }
  }

  private func replay(
    _ content: [UInt8],
    _ range: Range<Int>,
    _ step: JournalRecovery.Step,
    _ report: inout OpenReport
  ) throws(StoreError) {
    let change: JournalChange
    do throws(DecodingError) {
      change = try JournalChange(content, range).moved(to: step.slot, by: 0)
    } catch {
      return try keepDamage(step.damage(range, error.description), &report)
    }
    report.recoveredChanges += 1
    let header = step.group.header
    let stamp = JournalStamp(epoch: header.epoch, sequence: header.sequence)
    carryOut(change, stamp, slot: step.slot)
  }

  private func keepDamage(
    _ damage: JournalRecovery.Damage,
    _ report: inout OpenReport
  ) throws(StoreError) {
    report.remarks.append(journal.remark(on: damage))
    try onDisk { () throws(DiskError) in
      let content = try journal.content(of: damage.slot)
      try quarantine.keep(
        Array(content[damage.range.clamped(to: 0..<content.count)]),
        as: damage.name,
        from: "\(journal.path(damage.slot)) at \(damage.range.lowerBound)",
        because: damage.problem,
        at: clock()
      )
    }
  }

  /// The journal's changes of a message that was moved to quarantine were made into files before, and
  /// went along; its file may still have them. One that has the whole message, too, is as good as new.
  private func forgetSetAside() throws(StoreError) {
    for id in try onDisk({ () throws(DiskError) in try quarantine.messages() }) {
      guard case .tree? = overlay[id]?.base else { continue }
      let isThere = try onDisk { () throws(DiskError) in try tree.contains(id) }
      if !isThere { overlay.forget(id) }
    }
  }

  /// Messages whose staged body is gone cannot be delivered.
  private func dropBodiless(_ report: inout OpenReport) throws(StoreError) {
    withheld = []
    for (id, entry) in overlay.entries {
      guard entry.hasStagedBody else { continue }
      let staged = try onDisk { () throws(DiskError) in try disk.facts(stage.path(of: id)) }
      guard staged == nil else { continue }
      var isThere = false
      do throws(DiskError) {
        isThere = try tree.bodySize(of: id) != nil
      } catch {
        guard error.isAboutOneFile else { throw error.storeError(in: disk.root) }
        report.remarks.append(withhold(id, because: error.explanation))
        continue
      }
      if !isThere { report.remarks.append("message \(id): its body is missing") }
    }
  }

  // MARK: Counting

  /// How much there is: as the settings say after a clean stop, else by looking.
  private func count(from known: SpoolSettings.Counts?) throws(StoreError) {
    var counts = SpoolSettings.Counts()
    if let known {
      counts = known
    } else {
      try onDisk { () throws(DiskError) in
        var id = try tree.next(after: nil)
        while let message = id {
          if overlay[message] == nil { try countInTree(message, &counts) }
          id = try tree.next(after: message)
        }
      }
      for (id, entry) in overlay.entries where !isWithheld(id) {
        let (envelopes, size) = try contents(of: id, entry)
        guard envelopes > 0 || size != nil else { continue }
        counts.messages += 1
        counts.envelopes += envelopes
        counts.bodyBytes += size ?? 0
      }
    }
    statisticsNow.messages = counts.messages
    statisticsNow.envelopes = counts.envelopes
    statisticsNow.bodyBytes = counts.bodyBytes
    countsAtOpen = counts
  }

  private func countInTree(
    _ id: MessageID,
    _ counts: inout SpoolSettings.Counts
  ) throws(DiskError) {
    // One that cannot be read is set aside by whoever walks the messages, which takes it off again.
    do {
      guard let envelopes = try tree.envelopes(of: id) else { return }
      counts.envelopes += envelopes.count
    } catch let error where error.isAboutOneFile {}
    counts.messages += 1
    counts.bodyBytes += (try? tree.bodySize(of: id)) ?? 0
  }

  // MARK: Closing

  @discardableResult
  package func close(within limit: Duration) throws(StoreError) -> CloseReport {
    defer {
      journal.close()
      lock = nil
      state = .closed
    }
    guard state == .open else { return CloseReport() }
    guard limit > .zero else {
      // But what reading has moved to quarantine is in the tree no more.
      if statisticsNow.messages != countsAtOpen.messages
        || statisticsNow.envelopes != countsAtOpen.envelopes
      {
        try forgetCounts()
      }
      return CloseReport()
    }
    let deadline = ContinuousClock.now + limit
    var report = CloseReport()
    journal.closeCurrent()
    while !journal.closed.isEmpty {
      guard ContinuousClock.now < deadline else {
        report.remarks.append(
          "journal: the next start finds \(overlay.liveMessages) messages in it, for whose files there was no time"
        )
        return report
      }
      try checkpointSlice()
    }
    settings.counts = SpoolSettings.Counts(
      messages: statisticsNow.messages,
      envelopes: statisticsNow.envelopes,
      bodyBytes: statisticsNow.bodyBytes
    )
    try onDisk { () throws(DiskError) in
      try journal.mark()
      try writeSettings()
    }
    return report
  }
}
