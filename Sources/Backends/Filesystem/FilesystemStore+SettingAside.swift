// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
internal import Queue

/// What cannot be read is moved to quarantine, or left where it is when even that fails; either way it
/// is counted and listed, and whoever walks the spool goes on behind it.
extension FilesystemStore {
  static let findingsMax = 1000

  /// Kept for the next `verify`, once.
  func report(_ record: String, _ problem: String) {
    let finding = VerifyFinding(record: record, problem: problem)
    guard findings.count < FilesystemStore.findingsMax, !findings.contains(finding) else { return }
    findings.append(finding)
  }

  /// The envelopes of a message that have files; nil when there is no such directory, or none that can
  /// be read.
  func filedEnvelopes(of id: MessageID) throws(DiskError) -> [EnvelopeID]? {
    guard !quarantine.isLeft(SpoolTree.path(of: id)) else { return nil }
    do {
      return try tree.envelopes(of: id)
    } catch let error where error.isAboutOneFile {
      try setAside(id, because: "its directory: \(error.explanation)")
      return nil
    }
  }

  /// The size of the body's file; nil when there is none, or none that can be read.
  func filedBodySize(of id: MessageID) throws(DiskError) -> Int? {
    guard !quarantine.isLeft(SpoolTree.path(of: id)) else { return nil }
    do {
      return try tree.bodySize(of: id)
    } catch let error where error.isAboutOneFile {
      try setAside(id, because: "its body: \(error.explanation)")
      return nil
    }
  }

  /// Reads an envelope's file; one that cannot be read goes to quarantine.
  func loadOrSetAside(_ id: EnvelopeID, bodySize: Int) throws(DiskError) -> StoredEnvelope? {
    let path = SpoolTree.path(of: id)
    guard !quarantine.isLeft(path) else { return nil }
    switch try tree.load(id, bodySize: bodySize) {
    case .stored(let stored): return stored
    case .absent: return nil
    case .unreadable(let reason):
      try quarantine.take(path, as: "envelope-\(id)", because: reason, at: clock())
      statisticsNow.envelopes -= 1
      report("envelope \(id)", reason)
      return nil
    }
  }

  /// An envelope that the journal has; nil when its record cannot be read now.
  ///
  /// Nothing is moved: a checkpoint that cannot read it either keeps the journal's file.
  func readRecordOrReport(
    _ id: EnvelopeID,
    _ slot: Overlay.Slot
  ) throws(DiskError) -> StoredEnvelope? {
    do {
      return try readRecord(id, slot)
    } catch let error where error.isAboutOneFile {
      report("envelope \(id)", "in the journal: \(error.explanation)")
      return nil
    }
  }

  /// Moves a whole message of the tree to quarantine.
  func setAside(_ id: MessageID, because reason: String) throws(DiskError) {
    let path = SpoolTree.path(of: id)
    guard !quarantine.isLeft(path), try tree.contains(id) else { return }
    let envelopes = (try? tree.envelopes(of: id)) ?? []
    let size = (try? tree.bodySize(of: id)) ?? 0
    bodySums.forget(id)
    try quarantine.take(path, as: "message-\(id)", because: reason, at: clock())
    statisticsNow.messages -= 1
    statisticsNow.envelopes -= envelopes.count
    statisticsNow.bodyBytes -= size
    report("message \(id)", reason)
  }

  /// A bucket is no mail of its own, and is never moved.
  func reportUnreadableBuckets() {
    for (path, reason) in tree.takeUnreadableBuckets() where !quarantine.isLeft(path) {
      quarantine.leave(path, as: "bucket-\(path.suffix(2))", because: reason, at: clock())
      report("bucket \(path.suffix(2))", reason)
    }
  }

  // MARK: Once it can be read

  /// Looks again at what was left in its place. Returns the envelopes that are back.
  func restoreLeft(_ name: String, at path: String) throws(StoreError) -> [EnvelopeID] {
    // What still cannot be read is found to be so again, and left again.
    quarantine.forgetLeft(name)
    let word = name.split(separator: "-").last.map { String($0) } ?? ""
    var back: [EnvelopeID] = []
    if let id = withheld.first(where: { SpoolTree.path(of: $0) == path }) {
      back = try restoreWithheld(id)
    } else {
      back = try restoreLeft(word)
    }
    if back.isEmpty, let problem = quarantine.whyLeft(path) {
      throw .damaged(path: "\(disk.root)/\(path)", problem: problem)
    }
    return back
  }

  private func restoreLeft(_ word: String) throws(StoreError) -> [EnvelopeID] {
    try onDisk { () throws(DiskError) in
      if let id = EnvelopeID(hexadecimal: word) { return try restoreLeft(id) }
      if let id = MessageID(hexadecimal: word) { return try restoreLeft(id) }
      return try restoreBucket(word)
    }
  }

  private func restoreLeft(_ id: EnvelopeID) throws(DiskError) -> [EnvelopeID] {
    guard try disk.facts(SpoolTree.path(of: id)) != nil, isFree(id),
      let size = try filedBodySize(of: id.message)
    else { return [] }
    try tellChecksum(of: id, in: SpoolTree.path(of: id))
    statisticsNow.envelopes += 1
    return try loadOrSetAside(id, bodySize: size) == nil ? [] : [id]
  }

  private func restoreLeft(_ id: MessageID) throws(DiskError) -> [EnvelopeID] {
    guard overlay[id] == nil, try tree.contains(id) else { return [] }
    return try adopt(id).map(\.envelope.id)
  }

  private func restoreBucket(_ digits: String) throws(DiskError) -> [EnvelopeID] {
    guard let number = UInt32(digits, radix: 16), number <= 0xff else { return [] }
    tree.forgetListing()
    var back: [EnvelopeID] = []
    var next = try tree.next(after: MessageID(number << 24))
    while let id = next, id.rawValue >> 24 == number {
      if overlay[id] == nil { back += try adopt(id).map(\.envelope.id) }
      next = try tree.next(after: id)
    }
    reportUnreadableBuckets()
    return back
  }

  /// Counts a message that has come into the tree from elsewhere. Returns its envelopes.
  func adopt(_ id: MessageID) throws(DiskError) -> [StoredEnvelope] {
    bodySums.forget(id)
    statisticsNow.messages += 1
    statisticsNow.envelopes += (try? tree.envelopes(of: id))??.count ?? 0
    statisticsNow.bodyBytes += (try? tree.bodySize(of: id)) ?? 0
    return try envelopes(of: id, after: nil, limit: .max)
  }
}
