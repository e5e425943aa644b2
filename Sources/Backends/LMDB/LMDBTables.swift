// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
internal import Queue
internal import StoreJournal
internal import TableStore

/// The databases that `schema/lmdb.md` describes.
final class LMDBTables: RecordTables {
  /// In the spool.
  static let directory = "lmdb"
  private static let dataFile = "lmdb/data.mdb"
  /// Since 2 there is a journal, which an older server would not look at.
  static let version: UInt8 = 2
  /// Bytes that any transaction may need, beside those of what it writes.
  private static let spaceMin = 1 << 20
  /// Bytes by which any transaction may make the file longer, beside those of what it writes.
  private static let growthMin = 1 << 16
  private static let versionKey = Array("version".utf8)

  let path: String
  let disk: any Disk
  let limits: LMDBLimits
  let clock: () -> Instant
  var environment: Environment?
  var journal: Journal
  /// The changes since `begin`, for the journal.
  var group = GroupWriter()
  /// How many of them may be of pages of their own: new records lie beside each other, old ones anywhere.
  var scattered = 0
  var pending = Pending()
  /// The last group of the journal that is in the database's file.
  var applied: UInt64 = 0
  /// The last group that was acknowledged, where there may be one behind it or it is not in the file.
  var acknowledged: UInt64?
  /// Whether the journal is open and what it had was found.
  var isRecovered = false
  /// Bytes that are pending before a checkpoint is tried again after the disk was full.
  var checkpointFrom = 0
  /// Bytes that were to be written since freed pages were last pinned; nil before the first time.
  private var writtenSincePin: Int?
  /// Bytes that were expected when the open group was begun.
  private(set) var expected = 0
  /// Asked before each commit of LMDB; throws in its place, for tests.
  var commitFault: () throws(StoreError) -> Void = { () throws(StoreError) in }

  init(disk: any Disk, limits: LMDBLimits, clock: @escaping () -> Instant) {
    self.disk = disk
    self.limits = limits
    self.clock = clock
    path = "\(disk.root)/\(LMDBTables.directory)"
    journal = Journal(disk: disk, limits: limits)
  }

  deinit { journal.close() }

  var isOpen: Bool { environment != nil }

  /// The same for reading. A read of a damaged page, too, ends the open transaction, which is begun anew
  /// unless a group is being put together in it.
  private var readable: Environment {
    get throws(StoreError) {
      if try opened.hasFailed, group.isEmpty { try rebuild() }
      return try opened
    }
  }

  var opened: Environment {
    get throws(StoreError) {
      guard let environment else { throw .sealed(path: path) }
      return environment
    }
  }

  func open() throws(StoreError) -> [String] {
    precondition(environment == nil, "the database is open")
    do throws(StoreError) {
      return try openJournal(before: try openEnvironment())
    } catch {
      seal()
      throw error
    }
  }

  /// Returns whether there was a file.
  @discardableResult
  private func openEnvironment() throws(StoreError) -> FileState {
    let size = try disk.asStore { () throws(DiskError) in
      try disk.ensureDirectory(LMDBTables.directory)
      try disk.synchronizeDirectory("")
      // What an upkeep put in the place of the file must stay there before it is written to.
      try disk.synchronizeDirectory(LMDBTables.directory)
      guard let facts = try disk.facts(LMDBTables.dataFile) else { return 0 }
      // What a killed process wrote may be in memory only; from here on it counts.
      let file = try disk.open(LMDBTables.dataFile, .write)
      defer { disk.close(file) }
      try disk.synchronizeData(file)
      return facts.size
    }
    try LMDBCheck.run(on: disk, .trees)
    let map = max(limits.map, LMDBTables.mapSize(for: size + limits.mapRoom))
    let environment = try Environment(
      path: "\(disk.place)/\(LMDBTables.directory)",
      shownAs: path,
      mapSize: map
    )
    try LMDBTables.checkVersion(environment)
    self.environment = environment
    writtenSincePin = nil
    if size == 0 {
      try disk.asStore { () throws(DiskError) in try disk.synchronizeDirectory(LMDBTables.directory)
      }
    }
    return size == 0 ? .new : .old
  }

  private static func checkVersion(_ environment: Environment) throws(StoreError) {
    if let value = try environment.value(.meta, versionKey) {
      guard value.checksum == Checksum.of(value.content), value.content.count == 1 else {
        throw .damaged(path: environment.path, problem: "its version cannot be read")
      }
      guard value.content[0] <= version else {
        throw .newerVersion(
          path: environment.path,
          found: Int(value.content[0]),
          supported: Int(version)
        )
      }
      if value.content[0] == version { return }
    }
    try environment.begin()
    do throws(StoreError) {
      try environment.put(.meta, versionKey, Environment.Value([version]), .replace)
    } catch {
      environment.rollBack()
      throw error
    }
    try environment.commit()
  }

  /// What a checkpoint could not write the journal has.
  func close() {
    defer { seal() }
    guard environment != nil else { return }
    try? checkpoint()
  }

  func forget() { acknowledged = nil }

  /// Goes on with the transaction that collects, or begins it.
  func begin(expecting bytes: Int) throws(StoreError) {
    if try opened.hasFailed { try rebuild() }
    expected = bytes
    if isFull(before: bytes) { try makeRoom() }
    writtenSincePin? += bytes + LMDBTables.growthMin
    let environment = try opened
    if !environment.isWriting { try begin(environment, expecting: bytes) }
  }

  /// Grows the map beforehand, so that no transaction runs out of it half way: address space is free.
  func begin(_ environment: Environment, expecting bytes: Int) throws(StoreError) {
    let collected = limits.segments * limits.segmentBytes
    // Each group that the journal can have may change pages all over the file.
    let pages = 4096 * (collected / GroupHeader.alignment)
    let needed = environment.usedBytes + 4 * (bytes + collected) + pages + limits.mapRoom
    if needed > environment.mapSize {
      try environment.grow(to: LMDBTables.mapSize(for: max(needed, 2 * environment.mapSize)))
    }
    if writtenSincePin ?? limits.pinned >= limits.pinned {
      try environment.pinFreedPages()
      writtenSincePin = 0
    }
    try environment.begin()
  }

  /// Bytes that the open transaction may need on the disk: a value above half a page takes whole pages,
  /// and each change copies a path of the tree.
  var spaceExpected: UInt64 {
    UInt64(4 * (expected + pending.bytes) + 4096 * pending.changes + LMDBTables.spaceMin)
  }

  private static func mapSize(for bytes: Int) -> Int {
    let step = 64 << 20
    return (bytes + step - 1) / step * step
  }

  func commit() throws(StoreError) {
    guard group.isEmpty else { return try commitGroup() }
    // One that collects nothing is not kept: the next may need more room.
    if pending.groups == 0 { environment?.rollBack() }
  }

  @discardableResult
  private func put(
    _ name: Environment.Name,
    _ key: [UInt8],
    _ value: Environment.Value,
    _ mode: Environment.PutMode
  ) throws(StoreError) -> Environment.PutOutcome {
    let outcome = try opened.put(name, key, value, mode)
    if outcome == .done {
      if mode == .replace { scattered += 1 }
      group.change { LoggedChange.put(name, key: key, value).write(to: &$0) }
    }
    return outcome
  }

  @discardableResult
  private func remove(_ name: Environment.Name, _ key: [UInt8]) throws(StoreError) -> Bool {
    let wasThere = try opened.remove(name, key)
    if wasThere {
      scattered += 1
      group.change { LoggedChange.remove(name, key: key).write(to: &$0) }
    }
    return wasThere
  }

  func insert(_ table: RecordTable, _ row: RecordRow) throws(StoreError) {
    let value = Environment.Value(row)
    guard try put(table.database, row.key.bigEndianBytes, value, .insert) == .done else {
      throw table.taken(row.key)
    }
  }

  func put(_ table: RecordTable, _ row: RecordRow) throws(StoreError) {
    try put(table.database, row.key.bigEndianBytes, Environment.Value(row), .replace)
  }

  func remove(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> Bool {
    try remove(table.database, key.bigEndianBytes)
  }

  func remove(_ table: RecordTable, in keys: ClosedRange<UInt64>) throws(StoreError) -> Int {
    var removed = 0
    while true {
      let found = try self.keys(table, in: keys, limit: TableLimits.keysAtOnce)
      for key in found where try remove(table, key) { removed += 1 }
      guard found.count == TableLimits.keysAtOnce else { return removed }
    }
  }

  func row(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> RecordRow? {
    guard let value = try readable.value(table.database, key.bigEndianBytes) else { return nil }
    return RecordRow(key: key, content: value.content, checksum: value.checksum)
  }

  func size(_ table: RecordTable, _ key: UInt64) throws(StoreError) -> Int? {
    try readable.size(table.database, key.bigEndianBytes)
  }

  func rows(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    limit: Int
  ) throws(StoreError) -> [RecordRow] {
    var rows: [RecordRow] = []
    try each(table, keys) { key, entry in
      let value = entry.value
      rows.append(RecordRow(key: key, content: value.content, checksum: value.checksum))
      return rows.count < limit ? .further : .stop
    }
    return rows
  }

  func keys(
    _ table: RecordTable,
    in keys: ClosedRange<UInt64>,
    limit: Int
  ) throws(StoreError) -> [UInt64] {
    var found: [UInt64] = []
    try each(table, keys) { key, _ in
      found.append(key)
      return found.count < limit ? .further : .stop
    }
    return found
  }

  private func each(
    _ table: RecordTable,
    _ keys: ClosedRange<UInt64>,
    _ body: (UInt64, borrowing Environment.Entry) -> Environment.Walk
  ) throws(StoreError) {
    let path = path
    try readable.walk(table.database, from: keys.lowerBound.bigEndianBytes) {
      (entry) throws(StoreError) in
      guard let key = entry.number else {
        throw .damaged(path: path, problem: "a key of \(entry.keySize) bytes")
      }
      return key <= keys.upperBound ? body(key, entry) : .stop
    }
  }

  /// The file never shrinks by itself: once little of a large one is in use, that is copied to a new.
  func maintain() throws(StoreError) -> MaintenanceState {
    _ = try opened
    try settle()
    guard pending.groups == 0, try opened.usedBytes >= limits.compactFrom,
      try opened.liveBytes() <= limits.compactAtMost
    else { return .done }
    try compact()
    return .done
  }

  private func compact() throws(StoreError) {
    let copy = "lmdb/compact"
    try disk.asStore { () throws(DiskError) in
      try disk.ensureDirectory(copy)
      try disk.removeIfPresent("\(copy)/data.mdb")
    }
    try opened.copy(to: "\(disk.place)/\(copy)")
    try disk.asStore { () throws(DiskError) in
      let file = try disk.open("\(copy)/data.mdb", .write)
      defer { disk.close(file) }
      try disk.synchronize(file)
    }
    // Closed here and now: one process may have an environment open only once.
    environment = nil
    do throws(StoreError) {
      try disk.asStore { () throws(DiskError) in
        try disk.rename("\(copy)/data.mdb", to: LMDBTables.dataFile)
      }
    } catch {
      try openEnvironment()
      throw error
    }
    // Makes the name durable first. Until that has gone well nothing may be written: stays closed.
    try openEnvironment()
  }
}

extension LMDBTables {
  func setting(_ name: String) throws(StoreError) -> NamedValue? {
    guard let value = try readable.value(.settings, Array(name.utf8)) else { return nil }
    return NamedValue(content: value.content, checksum: value.checksum)
  }

  func setSetting(_ name: String, _ value: NamedValue?) throws(StoreError) {
    guard let value else {
      try remove(.settings, Array(name.utf8))
      return
    }
    let stored = Environment.Value(checksum: value.checksum, content: value.content)
    try put(.settings, Array(name.utf8), stored, .replace)
  }

  func quarantined() throws(StoreError) -> [QuarantinedRecord] {
    var records: [QuarantinedRecord] = []
    try readable.walk(.quarantine, from: []) { entry in
      let name = String(decoding: entry.key, as: UTF8.self)
      records.append(QuarantineEntry(name: name, encoded: entry.value.content).record)
      return .further
    }
    return records
  }

  func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8]? {
    guard let value = try readable.value(.quarantine, Array(name.utf8)) else { return nil }
    return QuarantineEntry(name: name, encoded: value.content).content
  }

  func putQuarantined(_ record: QuarantinedRecord, _ content: [UInt8]) throws(StoreError) {
    let entry = QuarantineEntry(record: record, content: content)
    let value = Environment.Value(entry.encoded())
    try put(.quarantine, Array(record.name.utf8), value, .replace)
  }

  func removeQuarantined(_ name: String) throws(StoreError) {
    try remove(.quarantine, Array(name.utf8))
  }
}

extension Environment.Value {
  fileprivate init(_ row: RecordRow) {
    self.init(checksum: row.checksum, content: row.content)
  }

  /// Content with a checksum over itself alone.
  init(_ content: [UInt8]) {
    self.init(checksum: Checksum.of(content), content: content)
  }
}

extension RecordTable {
  fileprivate var database: Environment.Name {
    switch self {
    case .messages: .messages
    case .bodies: .bodies
    case .envelopes: .envelopes
    case .staged: .staged
    }
  }
}

extension UInt64 {
  /// Eight bytes whose order as text is the order of the numbers.
  fileprivate var bigEndianBytes: [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64(56 - 8 * $0)) }
  }
}
