// SPDX-License-Identifier: ISC

package import Disk
package import Mail
package import Queue

/// A store over the tables of a database: what the embedded databases have in common.
///
/// Decides what is written where, checks what is read, and moves aside what cannot be read. A change
/// to a record that is not there (it may be in quarantine) is no error.
package final class TableStore: Store {
  let tables: any RecordTables
  let stage: BodyStage
  let now: () -> Instant
  private let disk: any Disk
  private let locking: SpoolLocking
  private var lock: SpoolLock?
  var totals = StoreTotals()
  var statisticsOfUse = StoreStatistics()
  /// The body that was read last, since bodies are read in chunks.
  var recentBody: (id: MessageID, content: [UInt8])?
  /// Of bodies that are files, and are being read.
  var bodySums = BodySums()
  var state = State.closed
  /// Messages that stay for their envelopes in quarantine.
  var hasEnvelopeAside: Set<MessageID> = []

  enum State: Sendable {
    case closed
    /// What the last process or the last failure left is looked through; only that may write.
    case opening
    case open
    /// A commit failed so that nobody knows what the disk holds. Only `reopen` leads out.
    case sealed
  }

  /// - Parameters:
  ///   - disk: the spool.
  ///   - directory: the store's own in it, where the bodies are that are files.
  ///   - clock: the time that quarantined records are marked with.
  package init(
    tables: any RecordTables,
    disk: any Disk,
    directory: String,
    locking: SpoolLocking,
    clock: @escaping () -> Instant
  ) {
    self.tables = tables
    self.disk = disk
    self.locking = locking
    stage = BodyStage(disk: disk, store: directory)
    now = clock
  }

  package func open() throws(StoreError) -> OpenReport {
    precondition(state == .closed)
    if locking == .take { lock = try SpoolLock.take(on: disk) }
    do throws(StoreError) {
      return try openTables()
    } catch {
      tables.forget()
      lock = nil
      throw error
    }
  }

  /// The spool stays ours, also when this fails: it is for the next attempt.
  package func reopen() throws(StoreError) -> OpenReport {
    guard state != .closed else { return try open() }
    recentBody = nil
    tables.close()
    state = .sealed
    return try openTables()
  }

  private func openTables() throws(StoreError) -> OpenReport {
    let before = state
    state = .opening
    var report = OpenReport()
    do throws(StoreError) {
      try stage.open()
      report.remarks = try tables.open()
      try recover(&report, sweeping: before == .closed ? .orphans : .nothing)
    } catch {
      tables.close()
      state = before
      throw error
    }
    statisticsOfUse.quarantined = report.quarantined
    state = .open
    return report
  }

  private enum Sweeping {
    case orphans
    /// A body that belongs to nothing may be one on its way.
    case nothing
  }

  /// A damaged page is no reason to serve nothing, but then no file is taken for an orphan.
  private func recover(
    _ report: inout OpenReport,
    sweeping: Sweeping
  ) throws(StoreError) {
    do throws(StoreError) {
      try readTotals(into: &report)
      let aside = try tables.quarantined()
      report.quarantined = aside.count
      noteEnvelopes(aside)
      if sweeping == .orphans { report.orphansRemoved = try sweepStaged() }
    } catch {
      guard case .damaged = error, tables.isOpen else { throw error }
      report.remarks.append(error.description)
    }
  }

  @discardableResult
  package func close(within limit: Duration) throws(StoreError) -> CloseReport {
    guard state != .closed else { return CloseReport() }
    recentBody = nil
    tables.close()
    tables.forget()
    lock = nil
    state = .closed
    return CloseReport()
  }

  package func maintain() throws(StoreError) -> MaintenanceState {
    guard state == .open else { return .done }
    do throws(StoreError) {
      return try tables.maintain()
    } catch {
      if !tables.isOpen { state = .sealed }
      throw error
    }
  }

  package func discover(_ message: MessageID) throws(StoreError) -> [StoredEnvelope] { [] }

  package func statistics() -> StoreStatistics {
    var statistics = statisticsOfUse
    statistics.messages = totals.messages
    statistics.envelopes = totals.envelopes
    statistics.bodyBytes = totals.bodyBytes
    return statistics
  }

  package func setting(_ name: String) throws(StoreError) -> [UInt8]? {
    guard let value = try tables.setting(name) else { return nil }
    guard value.checksum == Checksum.of(value.content) else {
      try moveAside(setting: name, value)
      return nil
    }
    return value.content
  }

  /// Counts anew when the stored totals are missing or damaged.
  private func readTotals(into report: inout OpenReport) throws(StoreError) {
    if let stored = try setting(StoreTotals.settingName),
      let known = StoreTotals(encoded: stored)
    {
      totals = known
      return
    }
    totals = StoreTotals()
    totals.messages = try count(.messages)
    totals.envelopes = try count(.envelopes)
    try sumBodies()
    if totals.messages > 0 { report.remarks.append("the totals were counted anew") }
  }

  private func count(_ table: RecordTable) throws(StoreError) -> Int {
    var count = 0
    var lower: UInt64 = 0
    while true {
      let keys = try tables.keys(table, in: lower...UInt64.max, limit: TableLimits.keysAtOnce)
      count += keys.count
      guard keys.count == TableLimits.keysAtOnce, let last = keys.last, last < .max else {
        return count
      }
      lower = last + 1
    }
  }

  private func sumBodies() throws(StoreError) {
    var lower: UInt64 = 0
    while true {
      let rows = try tables.rows(.messages, in: lower...UInt64.max, limit: TableLimits.rowsAtOnce)
      for row in rows {
        guard let id = MessageID(UInt32(truncatingIfNeeded: row.key)),
          let message = try? Message(id: id, record: row.content)
        else { continue }
        totals.bodyBytes += message.size
      }
      guard rows.count == TableLimits.rowsAtOnce, let last = rows.last else { return }
      lower = last.key + 1
    }
  }
}

/// Bounds of what `TableStore` holds in memory at once.
package enum TableLimits {
  package static let keysAtOnce = 4096
  package static let rowsAtOnce = 1024
  /// What a record, however short, may cost a database, in bytes.
  package static let recordUsual = 4096
  /// A body up to this size is kept after its first chunk was read.
  package static let recentBody = 1 << 20
  /// `verify` reads no further body in a call once it has read so many bytes of them.
  package static let verifiedBytes = 4 << 20
  /// Bytes of a quarantined record that are shown.
  package static let shownContent = 1 << 20
  /// Bytes of a setting's name and of its value.
  package static let settingName = 64
  package static let settingValue = 4096
}

/// What is in the store, kept beside it so that opening need not count.
struct StoreTotals: Equatable, Sendable {
  static let settingName = "store.totals"

  var messages = 0
  var envelopes = 0
  var bodyBytes = 0

  init() {}

  /// Returns nil when the bytes are not what `encoded` returned.
  init?(encoded: [UInt8]) {
    var reader = ByteReader(encoded)
    do throws(DecodingError) {
      messages = try reader.readCount(of: "messages", atMost: .max)
      envelopes = try reader.readCount(of: "envelopes", atMost: .max)
      bodyBytes = try reader.readCount(of: "body bytes", atMost: .max)
      try reader.expectEnd()
    } catch {
      return nil
    }
  }

  /// Totals that damage has made wrong never become negative.
  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.writeVariable(UInt64(max(0, messages)))
    writer.writeVariable(UInt64(max(0, envelopes)))
    writer.writeVariable(UInt64(max(0, bodyBytes)))
    return writer.finish()
  }
}
