// SPDX-License-Identifier: ISC

package import Disk

/// The log that makes changes durable: a ring of files of zeros that are written over in turn.
///
///     free ──begun──▶ current ──full──▶ closed ──checkpointed──▶ retired ──a durable group says so──▶ free
///
/// A group is one write and one sync. After a write or sync that failed nothing is ever appended
/// again: what the disk then holds is not known, and only a new scan tells.
package struct Journal {
  /// A file that has, or may have, groups.
  package struct Segment: Sendable {
    /// The number of the file.
    package var slot: Int
    /// How often a file was begun anew by then, over all of them.
    package var epoch: UInt64
    /// Bytes from its beginning that are groups.
    package var used: Int

    package init(slot: Int, epoch: UInt64, used: Int = 0) {
      self.slot = slot
      self.epoch = epoch
      self.used = used
    }
  }

  /// In the spool.
  private let directory: String
  private let disk: any Disk
  private let segmentBytes: Int
  private let segmentsMax: Int
  private var files: [Int: OpenFile] = [:]
  /// The file that is being written.
  package private(set) var current: Segment?
  /// The oldest first.
  package private(set) var closed: [Segment] = []
  private var retired: [(slot: Int, epoch: UInt64)] = []
  private var free: [Int] = []
  /// Free files that were made for one group each that no other file has room for.
  /// The smallest first.
  private var large: [(slot: Int, bytes: Int)] = []
  /// The sizes of the files that are larger than the others.
  private var sizes: [Int: Int] = [:]
  /// Of the next file that is begun.
  private var nextEpoch: UInt64 = 1
  /// Of the next group.
  private var nextSequence: UInt64 = 1
  private var start: UInt64 = 1
  /// Whether a write has failed, so that nothing may follow it.
  package private(set) var isSealed = false

  /// - Parameters:
  ///   - directory: of the spool, which is there before the first call.
  ///   - segmentBytes: of one file; a multiple of 512.
  ///   - segments: files at most, two or more.
  package init(disk: any Disk, directory: String, segmentBytes: Int, segments: Int) {
    self.disk = disk
    self.directory = directory
    self.segmentBytes = segmentBytes
    segmentsMax = segments
    precondition(segments >= 2 && segmentBytes % GroupHeader.alignment == 0)
  }

  /// The path of a file, in the spool.
  package func path(_ slot: Int) -> String { "\(directory)/\(slot < 10 ? "0" : "")\(slot)" }

  /// The last group that was acknowledged.
  package var acknowledged: UInt64 { nextSequence - 1 }

  /// How many files hold changes that are in no other place.
  package var filled: Int { closed.count + (current == nil ? 0 : 1) }

  /// How many files can be begun without needing space.
  package var ready: Int { free.count + retired.count(where: { sizes[$0.slot] == nil }) }

  /// Whether there may be another file.
  package var canGrow: Bool { files.count - sizes.count < segmentsMax }

  /// Whether a group of that extent has room in no file but one of its own.
  package func isLarge(_ extent: Int) -> Bool { extent + GroupHeader.alignment > segmentBytes }

  /// Whether a group of that extent needs a new file.
  package func needsNewSegment(for extent: Int) -> Bool {
    guard let current else { return true }
    return current.used + extent + GroupHeader.alignment > segmentBytes
  }

  /// How many files groups of these extents need beyond the current one.
  package func segmentsNeeded(for extents: [Int]) -> Int {
    var used = current?.used ?? segmentBytes
    var needed = 0
    for extent in extents {
      guard !isLarge(extent) else {
        used = segmentBytes
        continue
      }
      if used + extent + GroupHeader.alignment > segmentBytes {
        needed += 1
        used = 0
      }
      used += extent
    }
    return needed
  }

  // MARK: Opening

  /// Opens all files that are there, and goes on behind the groups that count.
  ///
  /// - Parameters:
  ///   - acknowledged: the last group that counts, where the process still knows it.
  ///   - floor: a number that no new group has.
  package mutating func recover(
    acknowledged: UInt64?,
    behind floor: UInt64 = 0
  ) throws(DiskError) -> JournalRecovery {
    for entry in try disk.list(directory) where entry.kind == .file && entry.name.utf8.count <= 4 {
      guard let slot = Int(entry.name), path(slot).hasSuffix("/\(entry.name)") else { continue }
      let file = try disk.open(path(slot), .write)
      files[slot] = file
      // What a killed process wrote may be in memory only; from here on it counts.
      try disk.synchronizeData(file)
    }
    let scans = try scan()
    let recovery = JournalRecovery(scans, acknowledged: acknowledged)
    closed = scans.filter { $0.scan.epoch ?? 0 >= recovery.tail }
      .map { Segment(slot: $0.slot, epoch: $0.scan.epoch ?? 0, used: $0.scan.end) }
      .sorted { $0.epoch < $1.epoch }
    let needed = Set(closed.map(\.slot))
    free = files.keys.filter { !needed.contains($0) }.sorted()
    large = []
    sizes = [:]
    for (slot, file) in files {
      let size = try disk.size(of: file)
      if size > segmentBytes { sizes[slot] = size }
    }
    dropLarge()
    nextEpoch = recovery.nextEpoch
    nextSequence = max(recovery.nextSequence, floor + 1)
    return recovery
  }

  /// What the open files have of acknowledged groups.
  package func recovered() throws(DiskError) -> JournalRecovery {
    JournalRecovery(try scan(), acknowledged: acknowledged)
  }

  private func scan() throws(DiskError) -> [(slot: Int, scan: SegmentScan)] {
    var scans: [(slot: Int, scan: SegmentScan)] = []
    for slot in files.keys.sorted() {
      scans.append((slot, SegmentScan(try content(of: slot))))
    }
    return scans
  }

  /// All bytes of a file.
  package func content(of slot: Int) throws(DiskError) -> [UInt8] {
    guard let file = files[slot] else { preconditionFailure("a journal file that is not open") }
    let size = min(try disk.size(of: file), 1 << 30)
    return try disk.read(file, at: 0, count: size)
  }

  /// What is damaged, where, in words.
  package func remark(on damage: JournalRecovery.Damage) -> String {
    "\(path(damage.slot)): damaged at \(damage.range.lowerBound): \(damage.problem)"
  }

  /// Closes all files; nothing can be appended afterwards.
  package mutating func close() {
    for file in files.values { disk.close(file) }
    files = [:]
    current = nil
    closed = []
    free = []
    large = []
    retired = []
    isSealed = true
  }

  /// Leaves a number out: no group has it from now on.
  package mutating func skipNumber() { nextSequence += 1 }

  // MARK: Appending

  /// Makes `group` durable. Returns where it is.
  ///
  /// A file should be ready if the group needs a new one: `prepare` makes it for one that is large.
  package mutating func append(
    _ group: consuming GroupWriter
  ) throws(DiskError) -> (slot: Int, base: Int) {
    precondition(!isSealed)
    if needsNewSegment(for: group.extent) { try advance(for: group.extent) }
    return try write(group)
  }

  /// Makes durable which groups count, by one without changes.
  package mutating func mark() throws(DiskError) {
    precondition(!isSealed, "a journal that is closed or has failed")
    if current == nil { try advance(for: GroupHeader.alignment) }
    _ = try write(GroupWriter(reserving: GroupHeader.alignment))
  }

  private mutating func write(
    _ group: consuming GroupWriter
  ) throws(DiskError) -> (slot: Int, base: Int) {
    guard var segment = current, let file = files[segment.slot] else {
      preconditionFailure("no journal file to write to")
    }
    let tail = oldestNeeded
    let bytes = group.finish(
      epoch: segment.epoch,
      sequence: nextSequence,
      tail: tail,
      start: start
    )
    precondition(segment.used + bytes.count <= sizes[segment.slot] ?? segmentBytes)
    let base = segment.used
    // Until the sync has returned, nobody knows what is on the disk.
    isSealed = true
    try disk.write(bytes, to: file, at: base)
    try disk.synchronizeData(file)
    isSealed = false
    segment.used += bytes.count
    current = segment
    nextSequence += 1
    free.append(contentsOf: retired.filter { $0.epoch < tail }.map(\.slot))
    retired.removeAll { $0.epoch < tail }
    dropLarge()
    return (segment.slot, base)
  }

  /// Removes what was made for large groups that are durable elsewhere now; what cannot be removed is tried
  /// again, and serves as any other file until then.
  private mutating func dropLarge() {
    guard !sizes.isEmpty else { return }
    for slot in free where sizes[slot] != nil {
      guard let file = files[slot], (try? disk.removeIfPresent(path(slot))) != nil else { continue }
      disk.close(file)
      files[slot] = nil
      sizes[slot] = nil
      free.removeAll { $0 == slot }
    }
  }

  private var oldestNeeded: UInt64 {
    if let oldest = closed.first { return oldest.epoch }
    return current?.epoch ?? nextEpoch
  }

  /// Closes the current file and begins another that has room for the extent.
  private mutating func advance(for extent: Int) throws(DiskError) {
    if free.isEmpty, !retired.isEmpty, current != nil {
      _ = try write(GroupWriter(reserving: GroupHeader.alignment))
    }
    let slot: Int
    if isLarge(extent) {
      // The smallest that fits leaves to every other its own.
      try prepare(for: [extent])
      let fitting = large.firstIndex { $0.bytes >= extent + GroupHeader.alignment }
      slot = large.remove(at: fitting ?? 0).slot
    } else if !free.isEmpty {
      slot = free.removeFirst()
    } else if !retired.isEmpty {
      // Nothing is current: the retired one may be written over at once, see `schema/fs-spool.md`.
      slot = retired.removeFirst().slot
    } else {
      slot = unusedSlot
      try create(slot, segmentBytes)
    }
    if let full = current { closed.append(full) }
    current = Segment(slot: slot, epoch: nextEpoch)
    start = nextSequence
    nextEpoch += 1
  }

  /// Has a file ready for each of these large groups.
  package mutating func prepare(for extents: [Int]) throws(DiskError) {
    precondition(!isSealed, "a journal that is closed or has failed")
    var known = large.map(\.bytes).sorted()
    for extent in extents {
      let bytes = extent + GroupHeader.alignment
      if let fitting = known.firstIndex(where: { $0 >= bytes }) {
        known.remove(at: fitting)
        continue
      }
      let slot = unusedSlot
      try create(slot, bytes)
      sizes[slot] = bytes
      large.append((slot, bytes))
    }
    large.sort { $0.bytes < $1.bytes }
  }

  private mutating func create(_ slot: Int, _ bytes: Int) throws(DiskError) {
    let path = path(slot)
    do throws(DiskError) {
      try disk.removeIfPresent(path)
      let file = try disk.open(path, .create)
      do throws(DiskError) {
        try disk.preallocate(file, size: bytes)
        try disk.synchronize(file)
        try disk.synchronizeDirectory(directory)
      } catch {
        disk.close(file)
        throw error
      }
      files[slot] = file
    } catch {
      // Nothing was appended: the journal itself is as it was.
      try? disk.removeIfPresent(path)
      throw error
    }
  }

  /// Makes a free file ahead of need.
  package mutating func grow() throws(DiskError) {
    precondition(!isSealed, "a journal that is closed or has failed")
    let slot = unusedSlot
    try create(slot, segmentBytes)
    free.append(slot)
  }

  private var unusedSlot: Int { (0...files.count).first { files[$0] == nil } ?? files.count }

  // MARK: Recycling

  /// Everything in the oldest closed file is durable elsewhere.
  package mutating func retireOldest() {
    let segment = closed.removeFirst()
    retired.append((segment.slot, segment.epoch))
  }

  /// Closes the current file, so that a checkpoint can empty it.
  package mutating func closeCurrent() {
    guard let segment = current else { return }
    closed.append(segment)
    current = nil
  }

  /// Removes what was made ready for large groups and is not used. What cannot be removed now is later.
  package mutating func dropPrepared() {
    free.append(contentsOf: large.map(\.slot))
    large = []
    dropLarge()
  }

  /// Removes a free file if there are more than `keeping`. Returns whether it did.
  package mutating func shrink(keeping: Int) throws(DiskError) -> Bool {
    dropPrepared()
    guard free.count > keeping, let slot = free.max(), let file = files[slot] else { return false }
    try disk.removeIfPresent(path(slot))
    disk.close(file)
    files[slot] = nil
    free.removeAll { $0 == slot }
    return true
  }

  // MARK: Reading

  /// The bytes at `place`.
  package func read(_ place: JournalPlace) throws(DiskError) -> [UInt8] {
    try read(place, from: 0, count: Int(place.length))
  }

  /// Up to `count` bytes of those at `place`, from an offset in them.
  package func read(_ place: JournalPlace, from offset: Int, count: Int) throws(DiskError)
    -> [UInt8]
  {
    guard let file = files[Int(place.slot)] else {
      preconditionFailure("a journal file that is not open")
    }
    let wanted = max(0, min(count, Int(place.length) - offset))
    return try disk.read(file, at: Int(place.offset) + offset, count: wanted)
  }
}
