// SPDX-License-Identifier: ISC

internal import Mail

/// The message identifiers that one frontend was given and has not used yet.
///
/// Each begins one transaction at most: what arrives late for one that is over finds it used.
struct ReservedIdentifiers: Sendable {
  /// Merged where they touch.
  private var ranges: [Range<UInt64>] = []
  private(set) var count = 0

  mutating func add(first: MessageID, count added: UInt32) {
    let start = UInt64(first.rawValue)
    count += Int(added)
    if let last = ranges.last, last.upperBound == start {
      ranges[ranges.count - 1] = last.lowerBound..<start + UInt64(added)
    } else {
      ranges.append(start..<start + UInt64(added))
    }
  }

  /// Takes one out. Returns false when it is not here, or no longer.
  mutating func use(_ id: MessageID) -> Bool {
    let value = UInt64(id.rawValue)
    guard let index = ranges.firstIndex(where: { $0.contains(value) }) else { return false }
    let range = ranges[index]
    count -= 1
    let parts = [range.lowerBound..<value, value + 1..<range.upperBound].filter { !$0.isEmpty }
    ranges.replaceSubrange(index...index, with: parts)
    return true
  }
}
