// SPDX-License-Identifier: ISC

internal import Mail

/// A time inside the scheduler: whole seconds since the epoch, from 1970 to 2106.
typealias Second = UInt32

extension Instant {
  /// Rounded down, and clamped to what a `Second` can be.
  var second: Second { Second(clamping: seconds) }

  /// Rounded up: a thing that begins at this instant has begun at that second.
  var secondRoundedUp: Second {
    milliseconds > Instant.latest.milliseconds
      ? .max : Second(clamping: Instant(milliseconds: milliseconds + 999).seconds)
  }

  init(second: Second) { self.init(seconds: Int64(second)) }

  private static let latest = Instant(seconds: Int64(Second.max))
}

/// No slot, no destination, no bucket.
let nowhere = UInt32.max

/// All that the scheduler keeps of one envelope: 64 bytes, found by index.
struct Slot {
  struct Flags: OptionSet {
    let rawValue: UInt8
    /// Goes when it is back, whatever the outcome.
    static let removed = Flags(rawValue: 1)
    /// Suspended; or tried once more and then suspended.
    static let suspended = Flags(rawValue: 2)
    /// Suspected of having killed the delivering role.
    static let alone = Flags(rawValue: 4)
    /// In flight because it expired, and not towards its destination.
    static let expiring = Flags(rawValue: 8)
    /// The one of its message that the table by message has.
    static let leader = Flags(rawValue: 16)
  }

  var id: UInt64
  /// In flight: since when. Held: the index of the hold queue. Else: when it is due.
  var moment: Second
  var created: Second
  var expiry: Second
  /// The next slot of its bucket in the table by envelope.
  var idNext = nowhere
  /// The next leader of its bucket in the table by message. Only leaders have one.
  var leaderNext = nowhere
  /// The ring of the envelopes of one message.
  var siblingNext = nowhere
  var siblingPrevious = nowhere
  /// The list of the place it is in.
  var next = nowhere
  var previous = nowhere
  /// The list of its hold queue.
  var holdNext = nowhere
  var holdPrevious = nowhere
  var destination = nowhere
  var tries: UInt16
  /// Its bucket in the timer wheel.
  var bucket = TimerWheel.noBucket
  /// Nil when the slot is free.
  var state: Scheduler.State?
  var kind: Scheduler.Kind
  var flags = Flags()
  var priority: Int8

  /// What its timer waits for. Held envelopes wait for nothing but their end.
  var wake: Second { state == .held ? expiry : min(moment, expiry) }

  var message: UInt32 { UInt32(truncatingIfNeeded: id >> 32) }
}

/// The slots, in chunks: growing neither copies what is there nor doubles the memory.
struct SlotStore {
  private static let chunkBits: UInt32 = 10
  private static let chunkSize = 1 << Int(chunkBits)
  private var chunks: ContiguousArray<ContiguousArray<Slot>> = []
  private var used: UInt32 = 0
  private var free = nowhere
  private(set) var count = 0

  subscript(index: UInt32) -> Slot {
    @inline(__always) _read {
      yield chunks[Int(index >> SlotStore.chunkBits)][Int(index) & (SlotStore.chunkSize - 1)]
    }
    @inline(__always) _modify {
      yield &chunks[Int(index >> SlotStore.chunkBits)][Int(index) & (SlotStore.chunkSize - 1)]
    }
  }

  /// The slots that were ever used have indices below this.
  var bound: UInt32 { used }

  var allocatedBytes: Int {
    chunks.reduce(0) { $0 + $1.capacity * MemoryLayout<Slot>.stride } + chunks.capacity * 8
  }

  mutating func add(_ slot: Slot) -> UInt32 {
    count += 1
    if free != nowhere {
      let index = free
      free = self[index].next
      self[index] = slot
      return index
    }
    precondition(used < nowhere - 1, "more envelopes than indices")
    let index = used
    used += 1
    let chunk = Int(index >> SlotStore.chunkBits)
    if chunk == chunks.count {
      chunks.append([])
      chunks[chunk].reserveCapacity(SlotStore.chunkSize)
    }
    chunks[chunk].append(slot)
    return index
  }

  mutating func remove(_ index: UInt32) {
    precondition(self[index].state != nil)
    count -= 1
    self[index].state = nil
    self[index].next = free
    free = index
  }
}
