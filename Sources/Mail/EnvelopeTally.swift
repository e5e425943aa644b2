// SPDX-License-Identifier: ISC

/// Which envelopes of a message there are, as far as two sides have to agree about it: how many, and a sum
/// over their numbers. The same number of others is noticed.
package struct EnvelopeTally: Hashable, Sendable {
  /// How many there are.
  package private(set) var count: UInt32
  /// Of their mixed numbers; it wraps around.
  package private(set) var sum: UInt64

  /// Of none, or as the other side has it.
  package init(count: UInt32 = 0, sum: UInt64 = 0) {
    self.count = count
    self.sum = sum
  }

  /// One more.
  package mutating func add(_ envelope: EnvelopeID) {
    count += 1
    // Numbers that follow each other, whose plain sums other ones easily have, are spread over 64 bits by
    // odd factors and shifts.
    var mixed = UInt64(envelope.low) &* 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ mixed >> 32) &* 0xd6e8_feb8_6659_fd93
    sum &+= mixed ^ mixed >> 32
  }
}
