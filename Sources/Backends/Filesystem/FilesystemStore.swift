// SPDX-License-Identifier: ISC

package import Disk
package import Mail
package import Queue
internal import StoreJournal

/// The store of plain files: OpenSMTPD's directories behind a journal.
///
/// A change is durable once it is in the journal, by one write and one sync for all changes of a call.
/// Files are made by checkpoints, only for what is still there then, so that mail that leaves at the
/// first attempt never becomes one. Opening replays the journal. In memory is only where in the
/// journal things are. The format is described in `schema/fs-spool.md`, the reasons in
/// `Decisions/0002-filesystem-journal.md`.
package final class FilesystemStore: Store {
  /// Of the spool's directory; a higher one is refused.
  package static let formatVersion = 1
  /// Of the journal, in the spool.
  static let journalDirectory = "journal"

  package let disk: any Disk
  package let limits: Limits
  /// For bodies that are staged before they are inserted.
  package let stage: BodyStage
  let clock: @Sendable () -> Instant
  let locking: SpoolLocking
  let tree: SpoolTree

  enum State {
    case closed
    case open
    /// The journal failed: reading goes on, nothing is written.
    case sealed
  }

  var state = State.closed
  var lock: SpoolLock?
  var journal: Journal
  /// What checkpoints have to deal with, by the journal's files.
  var progress: [Int: CheckpointProgress] = [:]
  var overlay = Overlay()
  /// Messages of which nobody is told, because the directory with their bodies cannot be used.
  var withheld: Set<MessageID> = []
  var settings = SpoolSettings()
  var quarantine: Quarantine
  var reserve: SpaceReserve
  var statisticsNow = StoreStatistics()
  /// The settings file says how much the tree has, which is no longer so after the next checkpoint.
  var settingsHaveCounts = false
  var countsAtOpen = SpoolSettings.Counts()
  /// Bytes of the journal that checkpoints still have to deal with to keep up with what comes in.
  var checkpointDebt = 0
  /// Of bodies that are being read.
  var bodySums = BodySums()
  /// What `verify` is about to set aside, once the journal's changes of it are files.
  var condemned: Condemned?
  /// What was damaged while nothing could be reported; told by the next `verify`.
  var findings: [VerifyFinding] = []

  /// - Parameter disk: its root is the spool directory.
  package init(
    disk: any Disk,
    limits: Limits = Limits(),
    locking: SpoolLocking = .take,
    clock: @escaping @Sendable () -> Instant
  ) {
    self.disk = disk
    self.limits = limits
    self.clock = clock
    self.locking = locking
    stage = BodyStage(disk: disk)
    tree = SpoolTree(disk: disk)
    journal = Journal(disk: disk, limits: limits)
    quarantine = Quarantine(disk: disk)
    reserve = SpaceReserve(disk: disk, size: limits.reserveBytes)
  }

  deinit { journal.close() }

  package func setting(_ name: String) throws(StoreError) -> [UInt8]? { settings.values[name] }

  package func statistics() -> StoreStatistics {
    var statistics = statisticsNow
    statistics.quarantined = quarantine.count
    return statistics
  }

  /// Whether new mail is to be refused with 452.
  package func isNearlyFull() throws(StoreError) -> Bool {
    try onDisk { () throws(DiskError) in try disk.space().isNearlyFull(limits.floor) }
  }

  package func releaseReserve() throws(StoreError) -> Bool { try reserve.release() }

  /// How many messages have something in the journal only.
  package var journaledMessages: Int { overlay.entries.count }

  func onDisk<Value: ~Copyable>(
    _ work: () throws(DiskError) -> Value
  ) throws(StoreError) -> Value {
    try disk.asStore(work)
  }

  /// Runs `work`, which waits for the disk, and counts and times it.
  func timed<Value>(
    _ work: () throws(DiskError) -> Value
  ) throws(DiskError) -> Value {
    let begin = ContinuousClock.now
    let value = try work()
    statisticsNow.syncs += 1
    statisticsNow.lastSync = ContinuousClock.now - begin
    statisticsNow.longestSync = max(statisticsNow.longestSync, statisticsNow.lastSync)
    return value
  }
}
