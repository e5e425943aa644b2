// SPDX-License-Identifier: ISC

/// Destinations whose deliverer has enough to do: what is due for them waits in the queue, and is not
/// sent only to be sent back.
///
/// A destination is held from the first envelope that delivery gave back until fewer are waiting than
/// delivery asks for.
struct DestinationHolds {
  private var keys: [String: UInt64] = [:]
  /// How many more envelopes each key may let through.
  private var allowances: [UInt64: Int] = [:]

  /// The key to wait under, or nil when `count` envelopes may go now.
  mutating func holding(_ destination: String, count: Int) -> UInt64? {
    guard let key = keys[destination] else { return nil }
    guard let allowance = allowances[key], allowance > 0 else { return key }
    allowances[key] = allowance - count
    return nil
  }

  /// Delivery gave an envelope for this destination back.
  mutating func held(_ destination: String, under key: UInt64) {
    keys[destination] = key
    allowances[key] = 0
  }

  /// Delivery asked for `count` envelopes, and `released` of them were waiting. Nil: it asked for all.
  mutating func released(_ key: UInt64, count: Int?, released: Int) {
    if let count, released == count {
      allowances[key, default: 0] = max(0, allowances[key] ?? 0) + count
    } else {
      open(key)
    }
  }

  /// Delivery is another process: its holds went with the old one.
  mutating func clear() {
    keys = [:]
    allowances = [:]
  }

  private mutating func open(_ key: UInt64) {
    allowances[key] = nil
    keys = keys.filter { $0.value != key }
  }
}
