// SPDX-License-Identifier: ISC

/// What is in one file of the journal, as far as checksums tell. Pure.
package struct SegmentScan: Sendable {
  /// A group whose header is whole.
  package struct Group: Hashable, Sendable {
    /// In the file.
    package var offset: Int
    /// What it says of itself.
    package var header: GroupHeader
    /// The contents of the changes that are whole.
    package var changes: [Range<Int>]
    /// What of the group is not: a change each, or all from where its frames cannot be followed.
    package var damaged: [Range<Int>]
  }

  /// The youngest that the file has groups of; nil when it has none.
  package private(set) var epoch: UInt64?
  /// The first sequence of the epoch.
  package private(set) var start: UInt64 = 0
  /// The highest that any group names.
  package private(set) var tail: UInt64 = 0
  /// In the order of the file.
  package private(set) var groups: [Group] = []
  /// Bytes that are followed by valid groups of this epoch and are none themselves.
  package private(set) var gaps: [Range<Int>] = []
  /// Where the valid groups end.
  package private(set) var end = 0

  /// The highest of its groups; nil when it has none.
  package var lastSequence: UInt64? { groups.last?.header.sequence }

  package init(_ bytes: [UInt8]) {
    var position = 0
    while position + GroupHeader.size <= bytes.count {
      if let header = header(bytes, at: position) {
        take(header, bytes, at: position)
        position += header.extent
        end = position
        continue
      }
      guard let next = next(bytes, after: position) else { break }
      gaps.append(position..<next)
      position = next
    }
  }

  private func header(_ bytes: [UInt8], at position: Int) -> GroupHeader? {
    guard let header = GroupHeader(bytes, at: position) else { return nil }
    if let epoch, header.epoch != epoch { return nil }
    if let last = lastSequence, header.sequence <= last { return nil }
    return header
  }

  /// The next place with a group of this epoch; of the youngest when none is known yet.
  private func next(_ bytes: [UInt8], after position: Int) -> Int? {
    var best: (position: Int, epoch: UInt64)?
    for candidate in stride(
      from: position + GroupHeader.alignment,
      to: bytes.count,
      by: GroupHeader.alignment
    ) {
      guard let header = header(bytes, at: candidate) else { continue }
      if epoch != nil { return candidate }
      if let known = best, known.epoch >= header.epoch { continue }
      best = (candidate, header.epoch)
    }
    return best?.position
  }

  private mutating func take(_ header: GroupHeader, _ bytes: [UInt8], at offset: Int) {
    epoch = header.epoch
    start = header.start
    tail = max(tail, header.tail)
    var group = Group(offset: offset, header: header, changes: [], damaged: [])
    var position = offset + GroupHeader.size
    let end = position + header.length
    for _ in 0..<header.count {
      guard end - position >= GroupWriter.frameSize else {
        group.damaged.append(position..<end)
        break
      }
      let length = Int(SegmentScan.number(bytes, at: position))
      let content = position + GroupWriter.frameSize
      guard length <= end - content else {
        group.damaged.append(position..<end)
        break
      }
      let found = GroupWriter.checksum(
        bytes.span.extracting(content..<content + length),
        epoch: header.epoch,
        sequence: header.sequence
      )
      if found == SegmentScan.number(bytes, at: position + 4) {
        group.changes.append(content..<content + length)
      } else {
        group.damaged.append(content..<content + length)
      }
      position = content + length
    }
    groups.append(group)
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
      | UInt32(bytes[offset + 3]) << 24
  }
}

/// Which groups of several scanned files count, and what is missing. Pure.
package struct JournalRecovery: Sendable {
  /// A group that counts.
  package struct Step: Sendable {
    /// The number of the file that it is in.
    package var slot: Int
    /// Where in that.
    package var group: SegmentScan.Group

    /// A change of it that cannot be carried out.
    package func damage(_ range: Range<Int>, _ problem: String) -> Damage {
      let header = group.header
      return Damage(
        slot: slot,
        epoch: header.epoch,
        range: range,
        problem: problem,
        sequence: header.sequence
      )
    }
  }

  /// What was written and cannot be read.
  package struct Damage: Hashable, Sendable {
    /// The number of the file that it is in.
    package var slot: Int
    /// Of the file.
    package var epoch: UInt64
    /// Its bytes in the file.
    package var range: Range<Int>
    /// In words, for a remark.
    package var problem: String
    /// The number of the youngest group that is hurt.
    package var sequence: UInt64

    /// What it is called in quarantine.
    package var name: String { "journal-\(epoch)-\(range.lowerBound)" }
  }

  /// In the order in which they were written.
  package private(set) var steps: [Step] = []
  /// In the order of the files.
  package private(set) var damage: [Damage] = []
  /// The oldest epoch that is needed.
  package private(set) var tail: UInt64 = 1
  /// For the file that is begun next.
  package private(set) var nextEpoch: UInt64 = 1
  /// For the group that is appended next.
  package private(set) var nextSequence: UInt64 = 1
  /// The remark for `hasTornTail`.
  package static let tornTail = "journal: the last group was not written whole and is left out"

  /// A last group that was not written whole, and so was never acknowledged.
  package private(set) var hasTornTail = false

  /// - Parameter acknowledged: the last sequence that counts, where the process still knows it.
  package init(_ scans: [(slot: Int, scan: SegmentScan)], acknowledged: UInt64?) {
    tail = max(1, scans.map(\.scan.tail).max() ?? 1)
    nextEpoch = max(tail, (scans.compactMap(\.scan.epoch).max() ?? 0) + 1)
    let needed = scans.filter { $0.scan.epoch ?? 0 >= tail }
      .sorted { $0.scan.epoch ?? 0 < $1.scan.epoch ?? 0 }
    var bound = acknowledged.map { $0 + 1 } ?? .max
    // From the youngest to the oldest: each epoch's start bounds those before it.
    var bounds: [UInt64] = []
    for (_, scan) in needed.reversed() {
      bounds.append(bound)
      bound = min(bound, scan.start)
    }
    bounds.reverse()
    for (index, element) in needed.enumerated() {
      let isLast = index == needed.count - 1
      take(element.scan, slot: element.slot, below: bounds[index], isLast: isLast)
    }
    let highest = scans.compactMap(\.scan.lastSequence).max() ?? 0
    nextSequence = max(nextSequence, needed.isEmpty ? highest + 1 : 1)
    if let acknowledged { nextSequence = acknowledged + 1 }
  }

  private mutating func take(
    _ scan: SegmentScan,
    slot: Int,
    below bound: UInt64,
    isLast: Bool
  ) {
    let epoch = scan.epoch ?? 0
    var groups = scan.groups.filter { $0.header.sequence < bound }
    if isLast, bound == .max, let last = groups.last, !last.damaged.isEmpty {
      groups.removeLast()
      hasTornTail = true
    }
    let end = groups.last.map { $0.offset + $0.header.extent } ?? 0
    for gap in scan.gaps where gap.lowerBound < end {
      damage.append(
        Damage(
          slot: slot,
          epoch: epoch,
          range: gap,
          problem: "no valid group, but valid ones follow",
          sequence: (groups.first { $0.offset >= gap.upperBound }?.header.sequence ?? 0) &- 1
        )
      )
    }
    for group in groups {
      steps.append(Step(slot: slot, group: group))
      for range in group.damaged {
        damage.append(
          Damage(
            slot: slot,
            epoch: epoch,
            range: range,
            problem: "wrong checksum",
            sequence: group.header.sequence
          )
        )
      }
    }
    let last = groups.last?.header.sequence ?? scan.start &- 1
    if bound != .max, last &+ 1 < bound {
      let range = scan.end..<max(scan.end, scan.end + GroupHeader.alignment)
      let missing = bound - last - 1
      damage.append(
        Damage(
          slot: slot,
          epoch: epoch,
          range: range,
          problem: "\(missing) groups are missing",
          sequence: bound - 1
        )
      )
    }
    nextSequence = max(nextSequence, last &+ 1)
    if bound != .max { nextSequence = max(nextSequence, bound) }
  }
}
