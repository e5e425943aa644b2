// SPDX-License-Identifier: ISC

/// How long a role that died waits until it is started again: at once the first time, then a delay that
/// doubles up to a bound, for ever; a role that lived long enough begins anew.
package struct RestartBackoff: Sendable {
  package enum Limits {
    /// The first delay that is not zero, in milliseconds.
    package static let first: Int64 = 100
    package static let longest: Int64 = 10_000
    /// A role that lived so long is taken for healthy.
    package static let healthy: Int64 = 10_000
  }

  private var failures = 0

  package init() {}

  /// The role died.
  ///
  /// - Parameter lived: milliseconds since it was started.
  /// - Returns: milliseconds until it may be started again.
  package mutating func died(after lived: Int64) -> Int64 {
    if lived >= Limits.healthy { failures = 0 }
    failures += 1
    guard failures > 1 else { return 0 }
    let doublings = min(failures - 2, 20)
    return min(Limits.longest, Limits.first << Int64(doublings))
  }
}
