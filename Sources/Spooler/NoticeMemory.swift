// SPDX-License-Identifier: ISC

internal import Scheduler

/// What notices under way take of memory together, and when those that wait for some of it go on.
struct NoticeMemory {
  /// How much that is, and how they go on.
  struct Limits {
    /// Notices with what they bring back and whom they go to, all together, in bytes.
    var bytes = 32 << 20
    /// Envelopes that go on when a notice is through.
    var released = 32
  }

  private let limits: Limits
  private(set) var bytes = 0

  init(limits: Limits = Limits()) { self.limits = limits }

  /// Whether a notice may begin; it counts if so. One alone may, whatever it takes.
  mutating func take(_ size: Int) -> Bool {
    guard bytes == 0 || bytes + size <= limits.bytes else { return false }
    bytes += size
    return true
  }

  /// A notice that has begun takes so much more.
  mutating func grow(_ size: Int) { bytes += size }

  /// A notice is through, or given up. Returns how many of those that wait go on: none before half of
  /// it is free, all once nothing is under way, since nothing would let them go later.
  mutating func free(_ size: Int) -> Scheduler.Release? {
    bytes -= size
    assert(bytes >= 0)
    guard bytes <= limits.bytes / 2 else { return nil }
    return bytes == 0 ? .all : .first(limits.released)
  }
}
