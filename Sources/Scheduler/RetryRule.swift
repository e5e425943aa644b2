// SPDX-License-Identifier: ISC

/// When an envelope is tried again: next = creation + base · step², and a little later.
struct RetryRule {
  let limits: Scheduler.Limits
  /// Makes two servers, or two runs, put off the same envelope differently.
  let seed: UInt64

  func base(of kind: Scheduler.Kind) -> UInt32 {
    switch kind {
    case .bounce: limits.bounceBase
    case .local: limits.localBase
    case .relay: limits.relayBase
    }
  }

  /// For an envelope that is new here: the step is the number of tries, and the time may be past.
  func first(_ slot: borrowing Slot) -> Second {
    let step = UInt64(slot.tries)
    guard step > 0 else { return slot.created }
    return Second(clamping: UInt64(slot.created) + UInt64(base(of: slot.kind)) * step * step)
  }

  /// After a failure: the step is the number of tries, or the first that lies after `now`.
  func next(_ slot: borrowing Slot, base: UInt32, at now: Second) -> Second {
    let elapsed = now > slot.created ? now - slot.created : 0
    let passed = UInt64(RetryRule.root(of: elapsed / base))
    var step = max(UInt64(slot.tries), passed)
    while UInt64(base) * step * step <= UInt64(elapsed) { step += 1 }
    let time = UInt64(slot.created) + UInt64(base) * step * step
    let wait = Second(clamping: time - min(time, UInt64(now)))
    let spread = min(wait / limits.jitterShare, limits.jitterMax)
    guard slot.tries > 0, spread > 0 else { return Second(clamping: time) }
    return Second(clamping: time + draw(slot, step) % UInt64(spread + 1))
  }

  /// The largest number whose square is at most `value`.
  private static func root(of value: UInt32) -> UInt32 {
    var root: UInt32 = 0
    var bit: UInt32 = 1 << 15
    while bit > 0 {
      if UInt64(root | bit) * UInt64(root | bit) <= UInt64(value) { root |= bit }
      bit >>= 1
    }
    return root
  }

  /// The same for all envelopes of a message for one destination, so that they stay together.
  private func draw(_ slot: borrowing Slot, _ step: UInt64) -> UInt64 {
    var value = seed &+ UInt64(slot.message) << 32 &+ UInt64(slot.destination) &+ step << 48
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
