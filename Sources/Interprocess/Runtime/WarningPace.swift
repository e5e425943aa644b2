// SPDX-License-Identifier: ISC

/// How often one kind of warning is told, whatever brings it about and however often.
package struct WarningPace: Sendable {
  /// How long it is silent after one, in milliseconds.
  private let interval: Int64
  private var next = Int64.min

  /// One that has not been told.
  package init(interval: Int64) { self.interval = interval }

  /// Whether it is to be told now, of a clock that only rises; then it is silent for a while.
  package mutating func isDue(at now: Int64) -> Bool {
    guard now >= next else { return false }
    next = now + interval
    return true
  }
}
