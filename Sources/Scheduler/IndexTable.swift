// SPDX-License-Identifier: ISC

/// Which key of a slot a table finds it by, and the field that chains the slots of one bucket.
protocol Chain {
  associatedtype Key: Equatable
  static func hash(_ key: Key) -> UInt64
  static func key(_ slot: borrowing Slot) -> Key
  static func next(_ slot: borrowing Slot) -> UInt32
  static func setNext(_ slot: inout Slot, _ index: UInt32)
}

enum EnvelopeChain: Chain {
  static func key(_ slot: borrowing Slot) -> UInt64 { slot.id }

  static func hash(_ key: UInt64) -> UInt64 {
    let line = key &+ key >> 32
    return mixed(key & ~(7 << 32)) << 3 | line & 7
  }

  static func next(_ slot: borrowing Slot) -> UInt32 { slot.idNext }
  static func setNext(_ slot: inout Slot, _ index: UInt32) { slot.idNext = index }
}

enum MessageChain: Chain {
  static func key(_ slot: borrowing Slot) -> UInt32 { slot.message }

  static func hash(_ key: UInt32) -> UInt64 { mixed(UInt64(key >> 3)) << 3 | UInt64(key & 7) }

  static func next(_ slot: borrowing Slot) -> UInt32 { slot.leaderNext }
  static func setNext(_ slot: inout Slot, _ index: UInt32) { slot.leaderNext = index }
}

extension Chain {
  /// Spreads identifiers, which are anything but spread; they come from a cursor of our own, so that no
  /// secret is needed. The hashes keep eight identifiers that follow each other in one cache line of
  /// buckets: what came together is asked for together.
  static func mixed(_ key: UInt64) -> UInt64 {
    var value = (key ^ (key >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

/// Slots by key: linear hashing, one bucket a member.
///
/// It grows by splitting one bucket at a time, so that no insertion stalls on a table of millions and
/// memory never doubles. It does not shrink: a queue that was long may be long again.
struct IndexTable<C: Chain> {
  private static var chunkBits: Int { 12 }
  private static var firstBuckets: Int { 64 }
  private var chunks: ContiguousArray<ContiguousArray<UInt32>> = []
  private var buckets = 0
  /// The buckets of the round that is being split: a power of two at most `buckets`.
  private var round = 0
  private(set) var count = 0

  init() {
    for _ in 0..<Self.firstBuckets { addBucket() }
    round = Self.firstBuckets
  }

  var allocatedBytes: Int { chunks.reduce(0) { $0 + $1.capacity * 4 } + chunks.capacity * 8 }

  func find(_ key: C.Key, _ slots: borrowing SlotStore) -> UInt32? {
    var index = self[bucket(of: key)]
    while index != nowhere {
      if C.key(slots[index]) == key { return index }
      index = C.next(slots[index])
    }
    return nil
  }

  /// The key must not be there yet.
  mutating func insert(_ index: UInt32, _ slots: inout SlotStore) {
    if count >= buckets { split(&slots) }
    count += 1
    let bucket = bucket(of: C.key(slots[index]))
    C.setNext(&slots[index], self[bucket])
    self[bucket] = index
  }

  mutating func remove(_ index: UInt32, _ slots: inout SlotStore) {
    replace(index, with: C.next(slots[index]), &slots)
    count -= 1
  }

  /// `index` leaves, and `other`, which has the same key, takes its place.
  mutating func substitute(_ index: UInt32, by other: UInt32, _ slots: inout SlotStore) {
    precondition(C.key(slots[index]) == C.key(slots[other]))
    C.setNext(&slots[other], C.next(slots[index]))
    replace(index, with: other, &slots)
  }

  /// How many slots a look-up touches at worst now.
  func longestChain(_ slots: borrowing SlotStore) -> Int {
    var longest = 0
    for bucket in 0..<buckets {
      var length = 0
      var index = self[bucket]
      while index != nowhere {
        length += 1
        index = C.next(slots[index])
      }
      longest = max(longest, length)
    }
    return longest
  }

  private mutating func replace(
    _ index: UInt32,
    with successor: UInt32,
    _ slots: inout SlotStore
  ) {
    let bucket = bucket(of: C.key(slots[index]))
    var before = self[bucket]
    if before == index {
      self[bucket] = successor
    } else {
      while C.next(slots[before]) != index { before = C.next(slots[before]) }
      C.setNext(&slots[before], successor)
    }
    C.setNext(&slots[index], nowhere)
  }

  private subscript(bucket: Int) -> UInt32 {
    @inline(__always) get {
      chunks[bucket >> Self.chunkBits][bucket & (1 << Self.chunkBits - 1)]
    }
    @inline(__always) set {
      chunks[bucket >> Self.chunkBits][bucket & (1 << Self.chunkBits - 1)] = newValue
    }
  }

  private func bucket(of key: C.Key) -> Int {
    let hash = C.hash(key)
    let candidate = Int(truncatingIfNeeded: hash) & (round - 1)
    return candidate + round < buckets && hash & UInt64(round) != 0
      ? candidate + round : candidate
  }

  private mutating func addBucket() {
    if buckets >> Self.chunkBits == chunks.count {
      chunks.append([])
      if buckets > 0 { chunks[chunks.count - 1].reserveCapacity(1 << Self.chunkBits) }
    }
    chunks[buckets >> Self.chunkBits].append(nowhere)
    buckets += 1
  }

  private mutating func split(_ slots: inout SlotStore) {
    if buckets == round * 2 { round *= 2 }
    let old = buckets - round
    addBucket()
    var index = self[old]
    self[old] = nowhere
    while index != nowhere {
      let next = C.next(slots[index])
      let bucket = bucket(of: C.key(slots[index]))
      C.setNext(&slots[index], self[bucket])
      self[bucket] = index
      index = next
    }
  }
}
