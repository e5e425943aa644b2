// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
package import Queue
internal import StoreJournal

/// Turning what is in the journal into files, a slice at a time, so that the journal stays bounded and
/// nobody waits for long.
extension FilesystemStore {
  package func maintain() throws(StoreError) -> MaintenanceState {
    guard state == .open else { throw .sealed(path: disk.root) }
    if journal.filled > limits.segments / 2, !journal.closed.isEmpty {
      try checkpointSlice()
      return journal.filled > limits.segments / 2 ? .more : .done
    }
    checkpointDebt = 0
    if journal.ready < 2, journal.canGrow, try isRoomy(), try grow() { return .more }
    if try onDisk({ () throws(DiskError) in try journal.shrink(keeping: 2) }) { return .more }
    try reserve.build(floor: limits.floor)
    return .done
  }

  /// Whether there is so much room that a file ahead of need takes none of it from bodies, which were begun
  /// because there was room for them and are not written yet.
  private func isRoomy() throws(StoreError) -> Bool {
    try onDisk { () throws(DiskError) in
      var space = try disk.space()
      let ahead = UInt64(limits.segments * limits.segmentBytes)
      guard space.bytesAvailable > ahead else { return false }
      space.bytesAvailable -= ahead
      return !space.isNearlyFull(limits.floor)
    }
  }

  /// Makes sure that groups of these extents can be appended. New mail leaves one file of the journal
  /// to changes that end deliveries.
  func makeRoom(for extents: [Int], isMail: Bool) throws(StoreError) {
    let large = extents.filter { journal.isLarge($0) }
    guard !large.isEmpty else { return try makeUsualRoom(for: extents, isMail: isMail) }
    do throws(StoreError) {
      // A message to some fifty thousand has a file of its own, which goes when it is in the tree.
      try onDisk { () throws(DiskError) in try journal.prepare(for: large) }
      try makeUsualRoom(for: extents, isMail: isMail)
    } catch {
      // On a full disk it would be in the way of what makes room.
      journal.dropPrepared()
      throw error
    }
  }

  private func makeUsualRoom(for extents: [Int], isMail: Bool) throws(StoreError) {
    let needed = journal.segmentsNeeded(for: extents) + (isMail ? 1 : 0)
    while journal.ready < needed {
      if journal.canGrow, try grow() { continue }
      if journal.closed.isEmpty { journal.closeCurrent() }
      guard !journal.closed.isEmpty else { throw .full(path: disk.root) }
      do throws(StoreError) {
        try checkpointSlice()
      } catch {
        guard case .full = error else { throw error }
        guard try reserve.release() else { throw error }
      }
    }
  }

  /// Makes another file for the journal. Returns whether there was space for it.
  func grow() throws(StoreError) -> Bool {
    do throws(DiskError) {
      try journal.grow()
      return true
    } catch {
      if error.code == .full { return false }
      throw error.storeError(in: disk.root)
    }
  }

  /// Works off as much of the journal as what came in has added to it, once it is half full.
  ///
  /// Nothing is thrown: what was asked for is durable, and a checkpoint that cannot go on is found
  /// again by who needs its room.
  func keepUp() {
    guard journal.filled > limits.segments / 2 else {
      checkpointDebt = 0
      return
    }
    let begin = ContinuousClock.now
    while let segment = journal.closed.first, checkpointDebt >= sliceBytes(of: segment) {
      do throws(StoreError) {
        checkpointDebt -= try checkpointSlice()
      } catch {
        checkpointDebt = 0
        return
      }
      // What is left is owed by those who come next.
      guard ContinuousClock.now - begin < limits.patience else { return }
    }
  }

  /// About what one step deals with of this file of the journal.
  private func sliceBytes(of segment: Journal.Segment) -> Int {
    let files = max(1, progress[segment.slot]?.files ?? 1)
    return min(
      limits.sliceBytes,
      limits.segmentBytes / 4,
      segment.used / files * limits.sliceFiles + 1
    )
  }

  /// One bounded step of the checkpoint of the oldest closed file. Returns how many bytes of the
  /// journal it has dealt with.
  @discardableResult
  func checkpointSlice() throws(StoreError) -> Int {
    guard let segment = journal.closed.first else { return 0 }
    let work = progress[segment.slot] ?? CheckpointProgress()
    let slice = chooseSlice(of: segment, work)
    if !slice.messages.isEmpty { try makeFiles(of: slice) }
    progress[segment.slot]?.done = slice.end
    progress[segment.slot]?.hasPart = slice.isPart
    if slice.end == work.touched.count {
      if work.hasSettings { try onDisk { () throws(DiskError) in try writeSettings() } }
      progress[segment.slot] = nil
      journal.retireOldest()
    }
    guard !work.touched.isEmpty else { return limits.segmentBytes }
    // The last part of a message is what is left of it.
    guard slice.isPart || work.hasPart else {
      return segment.used / work.touched.count * (slice.end - work.done) + 1
    }
    return segment.used / max(1, work.files) * slice.files + 1
  }

  /// What one step turns into files.
  private struct Slice {
    var messages: [MessageID] = []
    /// Of what was touched, this much is dealt with behind it.
    var end: Int
    /// Files that are written, about.
    var files = 0
    /// It is one message, with more envelopes than a step has files: only so many of them.
    var isPart = false
  }

  /// Makes the files of a message what the journal says of it, and forgets that it does: as many as a step has.
  /// What else it has stays there. Returns whether all are done.
  func makeFiles(of message: MessageID) throws(StoreError) -> Bool {
    var slice = Slice(messages: [message], end: 0, files: files(of: message))
    slice.isPart = overlay[message].map { $0.envelopes.count > limits.sliceFiles } ?? false
    if slice.isPart { slice.files = limits.sliceFiles }
    try makeFiles(of: slice)
    return !slice.isPart
  }

  private func makeFiles(of slice: Slice) throws(StoreError) {
    try forgetCounts()
    try onDisk { () throws(DiskError) in try writeToTree(slice) }
    for id in slice.messages {
      if case .journal? = overlay[id]?.base { bodySums.forget(id) }
      overlay.forget(id, atMost: slice.isPart ? limits.sliceFiles : .max)
    }
  }

  /// How many files a message needs, about.
  private func files(of id: MessageID) -> Int { 1 + (overlay[id]?.envelopes.count ?? 0) }

  /// Before the tree changes: what the settings' file says of it is no longer so.
  func forgetCounts() throws(StoreError) {
    guard settingsHaveCounts else { return }
    settings.counts = nil
    try onDisk { () throws(DiskError) in try writeSettings() }
    settingsHaveCounts = false
  }

  private func chooseSlice(of segment: Journal.Segment, _ work: CheckpointProgress) -> Slice {
    var slice = Slice(end: work.done)
    var isChosen: Set<MessageID> = []
    var bytes = 0
    while slice.end < work.touched.count, slice.messages.count < limits.sliceMessages,
      bytes < limits.sliceBytes
    {
      let id = work.touched[slice.end]
      guard let entry = overlay[id], entry.epoch <= segment.epoch, !isChosen.contains(id) else {
        slice.end += 1
        continue
      }
      let files = files(of: id)
      guard slice.messages.isEmpty || slice.files + files <= limits.sliceFiles else { break }
      isChosen.insert(id)
      slice.messages.append(id)
      slice.files += files
      if entry.envelopes.count > limits.sliceFiles {
        // It is chosen again, for the rest.
        slice.isPart = true
        slice.files = limits.sliceFiles
        break
      }
      slice.end += 1
      if case .journal(let origin) = entry.base { bytes += Int(origin.whole.length) }
    }
    return slice
  }

  private func writeToTree(_ slice: Slice) throws(DiskError) {
    let isSmall = slice.files <= limits.smallSet
    var batch = TreeBatch(tree: tree, syncing: isSmall ? .eachFile : .wholeSystem)
    for id in slice.messages {
      guard let entry = overlay[id]?.part(atMost: slice.isPart ? limits.sliceFiles : .max) else {
        continue
      }
      overlay.willWriteToTree(id)
      switch entry.base {
      case .gone: try batch.remove(id)
      case .tree: try writeChanges(of: id, entry, &batch)
      case .journal(let origin): try writeMessage(id, entry, origin, &batch)
      }
    }
    try timed { () throws(DiskError) in try batch.finish() }
  }

  private func writeChanges(
    of id: MessageID,
    _ entry: Overlay.Entry,
    _ batch: inout TreeBatch
  ) throws(DiskError) {
    // Gone when it was moved to quarantine, or by hand.
    guard try tree.contains(id) else { return try completeSetAside(id, entry, &batch) }
    let checksum = try tree.bodyFacts(of: id).checksum
    for slot in entry.envelopes where slot.record != nil {
      guard let envelope = EnvelopeID(message: id, low: slot.low),
        let stored = try readRecord(envelope, slot)
      else { continue }
      try batch.write(
        EnvelopeText.encode(stored.message, stored.envelope, bodyChecksum: checksum),
        to: SpoolTree.path(of: envelope)
      )
    }
    // Behind the others: the last one that knows the checksum may be among them.
    for slot in entry.envelopes where slot.record == nil {
      guard let envelope = EnvelopeID(message: id, low: slot.low) else { continue }
      try batch.remove(envelope)
    }
  }

  /// Envelopes of a message that went to quarantine before they were files join it there.
  private func completeSetAside(
    _ id: MessageID,
    _ entry: Overlay.Entry,
    _ batch: inout TreeBatch
  ) throws(DiskError) {
    guard let directory = try quarantine.directory(of: id) else { return }
    let checksum = try tree.bodyFacts(of: id, in: directory).checksum
    for slot in entry.envelopes where slot.record != nil {
      guard let envelope = EnvelopeID(message: id, low: slot.low) else { continue }
      let path = "\(directory)/\(envelope)"
      guard try disk.facts(path) == nil, let stored = try readRecord(envelope, slot) else {
        continue
      }
      let text = EnvelopeText.encode(stored.message, stored.envelope, bodyChecksum: checksum)
      try batch.write(text, to: path)
    }
  }

  private func writeMessage(
    _ id: MessageID,
    _ entry: Overlay.Entry,
    _ origin: Overlay.Origin,
    _ batch: inout TreeBatch
  ) throws(DiskError) {
    let whole = try journal.read(origin.whole)
    guard try isWhole(whole, origin) else {
      return try keepJournalRecord(whole, of: id, problem: "wrong checksum")
    }
    try batch.makeDirectory(of: id)
    if entry.mayBeInTree {
      for envelope in try tree.envelopes(of: id) ?? [] where entry.index(of: envelope.low) == nil {
        try batch.remove(envelope)
      }
    }
    let bodyChecksum: UInt32?
    switch origin.body {
    case .journal(let place):
      let begin = Int(place.offset - origin.whole.offset)
      let body = Array(whole[begin..<begin + Int(place.length)])
      // Of what was just found to be whole.
      bodyChecksum = Checksum.of(body)
      try batch.write(body, to: SpoolTree.bodyPath(of: id))
    case .staged(_, let checksum):
      bodyChecksum = checksum
      if try !batch.moveBody(from: stage.path(of: id), to: id) {
        report("body \(id)", "missing")
      }
    }
    for slot in entry.envelopes {
      guard let envelope = EnvelopeID(message: id, low: slot.low), slot.record != nil,
        let stored = try readRecord(envelope, slot, within: (origin.whole, whole))
      else { continue }
      try batch.write(
        EnvelopeText.encode(stored.message, stored.envelope, bodyChecksum: bodyChecksum),
        to: SpoolTree.path(of: envelope)
      )
    }
  }

  /// Whether the bytes of an inserted message are those that were written.
  func isWhole(_ content: [UInt8], _ origin: Overlay.Origin) throws(DiskError) -> Bool {
    try frameChecksum(of: origin)
      == GroupWriter.checksum(
        content.span,
        epoch: origin.stamp.epoch,
        sequence: origin.stamp.sequence
      )
  }

  /// The checksum that stands before an inserted message; nil when its frame is damaged.
  func frameChecksum(of origin: Overlay.Origin) throws(DiskError) -> UInt32? {
    let frame = JournalPlace(
      slot: origin.whole.slot,
      offset: origin.whole.offset - UInt32(GroupWriter.frameSize),
      length: UInt32(GroupWriter.frameSize)
    )
    var reader = ByteReader(try journal.read(frame))
    guard let length = try? reader.readInteger(UInt32.self), length == origin.whole.length else {
      return nil
    }
    return try? reader.readInteger(UInt32.self)
  }

  func keepJournalRecord(
    _ content: [UInt8],
    of id: MessageID,
    problem: String
  ) throws(DiskError) {
    report("message \(id)", problem)
    try quarantine.keep(
      content,
      as: "record-\(id)",
      from: FilesystemStore.journalDirectory,
      because: problem,
      at: clock()
    )
  }

  /// An envelope that the journal has; nil when its record cannot be read, which is then kept aside.
  func readRecord(
    _ id: EnvelopeID,
    _ slot: Overlay.Slot,
    within known: (place: JournalPlace, bytes: [UInt8])? = nil
  ) throws(DiskError) -> StoredEnvelope? {
    guard let record = slot.record else { return nil }
    let message = try readPlace(record.message, known)
    let envelope = try readPlace(record.envelope, known)
    do throws(DecodingError) {
      return StoredEnvelope(
        message: try Message(id: id.message, record: message),
        envelope: try Envelope(id: id, record: envelope)
      )
    } catch {
      let problem = "in the journal: \(error)"
      report("envelope \(id)", problem)
      try quarantine.keep(
        message + envelope,
        as: "record-\(id)",
        from: FilesystemStore.journalDirectory,
        because: problem,
        at: clock()
      )
      return nil
    }
  }

  private func readPlace(
    _ place: JournalPlace,
    _ known: (place: JournalPlace, bytes: [UInt8])?
  ) throws(DiskError) -> [UInt8] {
    guard let known, place.slot == known.place.slot, place.offset >= known.place.offset,
      place.offset + place.length <= known.place.offset + known.place.length
    else { return try journal.read(place) }
    let begin = Int(place.offset - known.place.offset)
    return Array(known.bytes[begin..<begin + Int(place.length)])
  }
}
