// SPDX-License-Identifier: ISC

internal import Mail

/// Keys in the order in which they came. What an operation costs does not depend on how many there are.
struct ArrivalOrder<Key: Hashable> {
  private struct Arrival {
    let key: Key
    let number: UInt64
    let time: Instant
  }

  /// Those that were removed are still among them, for a while.
  private var arrivals: [Arrival] = []
  /// Where in `arrivals` those begin that may be here.
  private var start = 0
  private var numbers: [Key: UInt64] = [:]
  private var last: UInt64 = 0

  /// It comes last, also when it was here already.
  mutating func add(_ key: Key, at now: Instant) {
    last += 1
    numbers[key] = last
    if arrivals.count > 2 * numbers.count + 64 {
      arrivals = arrivals[start...].filter(isHere)
      start = 0
    }
    arrivals.append(Arrival(key: key, number: last, time: now))
  }

  mutating func remove(_ key: Key) { numbers[key] = nil }

  /// The one that came first; nil when there is none.
  mutating func oldest() -> (key: Key, since: Instant)? {
    while start < arrivals.count, !isHere(arrivals[start]) { start += 1 }
    guard start < arrivals.count else { return nil }
    return (arrivals[start].key, arrivals[start].time)
  }

  private func isHere(_ arrival: Arrival) -> Bool { numbers[arrival.key] == arrival.number }
}
