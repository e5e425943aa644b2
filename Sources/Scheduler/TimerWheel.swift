// SPDX-License-Identifier: ISC

/// A hierarchical timing wheel: six levels of 64 buckets, a second the smallest.
///
/// A slot lies at the level of the highest digit (base 64) in which its time differs from `current`,
/// and moves down a level each time that digit comes up; so that adding and removing are constant, and
/// a wait costs at most six moves. What wakes a slot is its `wake`, which must not change meanwhile.
struct TimerWheel {
  static let noBucket = UInt16.max
  private static let levels = 6

  /// All slots with an earlier or equal time have been handed out, but for those of the bucket
  /// that is being worked on.
  private(set) var current: Second
  private var buckets: ContiguousArray<IndexList<PlaceLinks>>
  /// A bit a bucket that is not empty, a word a level.
  private var occupied: ContiguousArray<UInt64>
  private(set) var count = 0

  init(at second: Second) {
    current = second
    buckets = ContiguousArray(repeating: IndexList(), count: TimerWheel.levels * 64)
    occupied = ContiguousArray(repeating: 0, count: TimerWheel.levels)
  }

  /// The slot's `wake` must be after `current`.
  mutating func insert(_ index: UInt32, _ slots: inout SlotStore) {
    let wake = slots[index].wake
    precondition(wake > current)
    let level = (31 - (wake ^ current).leadingZeroBitCount) / 6
    let digit = Int(wake >> UInt32(6 * level)) & 63
    let bucket = level * 64 + digit
    slots[index].bucket = UInt16(bucket)
    buckets[bucket].append(index, &slots)
    occupied[level] |= 1 << UInt64(digit)
    count += 1
  }

  mutating func remove(_ index: UInt32, _ slots: inout SlotStore) {
    let bucket = Int(slots[index].bucket)
    slots[index].bucket = TimerWheel.noBucket
    buckets[bucket].remove(index, &slots)
    if buckets[bucket].isEmpty { occupied[bucket / 64] &= ~(1 << UInt64(bucket % 64)) }
    count -= 1
  }

  /// Nothing wakes before this; something may only have moved down by then. Nil when it is empty.
  var nextEvent: Second? { next()?.time }

  /// Takes out the next slot whose time has come by `now`, and moves others down on the way.
  ///
  /// - Parameter work: counted down by one a slot touched; at zero the pass ends, and the next goes on.
  mutating func pop(
    until now: Second,
    work: inout Int,
    _ slots: inout SlotStore
  ) -> UInt32? {
    while work > 0 {
      guard let (time, bucket) = next(), time <= now else {
        current = max(current, now)
        return nil
      }
      current = time
      let index = buckets[bucket].head
      work -= 1
      remove(index, &slots)
      if slots[index].wake <= current { return index }
      insert(index, &slots)
    }
    return nil
  }

  /// The bucket that comes up first, and when.
  private func next() -> (time: Second, bucket: Int)? {
    var best: (time: Second, bucket: Int)?
    for level in 0..<TimerWheel.levels where occupied[level] != 0 {
      let shift = UInt64(6 * level)
      let digit = UInt64(current) >> shift & 63
      let ahead = occupied[level] & (~0 << digit)
      precondition(ahead == occupied[level], "a timer was passed over")
      let found = UInt64(ahead.trailingZeroBitCount)
      let start = (UInt64(current) >> (shift + 6)) << (shift + 6) | found << shift
      let time = max(Second(truncatingIfNeeded: start), current)
      if best.map({ time < $0.time }) ?? true { best = (time, level * 64 + Int(found)) }
    }
    return best
  }

  func members(_ slots: borrowing SlotStore) -> [UInt32] {
    var all: [UInt32] = []
    for bucket in buckets { all += bucket.members(slots) }
    return all
  }
}
