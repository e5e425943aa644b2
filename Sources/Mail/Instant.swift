// SPDX-License-Identifier: ISC

/// A point of civil time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Stored formats that know only seconds round down.
package struct Instant: Hashable, Comparable, Sendable {
  package var milliseconds: Int64

  @inlinable package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  @inlinable package init(seconds: Int64) { self.milliseconds = seconds &* 1000 }

  package static let epoch = Instant(milliseconds: 0)

  /// Whole seconds since the epoch, rounded down.
  @inlinable package var seconds: Int64 {
    milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0)
  }

  @inlinable
  package static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.milliseconds < rhs.milliseconds }

  @inlinable
  package static func + (lhs: Instant, rhs: Duration) -> Instant {
    Instant(milliseconds: lhs.milliseconds &+ rhs.wholeMilliseconds)
  }

  @inlinable
  package static func - (lhs: Instant, rhs: Duration) -> Instant {
    Instant(milliseconds: lhs.milliseconds &- rhs.wholeMilliseconds)
  }

  @inlinable
  package static func - (lhs: Instant, rhs: Instant) -> Duration {
    .milliseconds(lhs.milliseconds &- rhs.milliseconds)
  }
}

extension Duration {
  /// The duration in milliseconds, rounded towards zero.
  @inlinable package var wholeMilliseconds: Int64 {
    components.seconds &* 1000 &+ components.attoseconds / 1_000_000_000_000_000
  }

  /// The duration in seconds, rounded towards zero.
  @inlinable package var wholeSeconds: Int64 { components.seconds }

  /// `1d2h3m4s`: zero parts are left out, zero is `0s`, a negative duration begins with `-`.
  package var operatorText: String {
    var rest = wholeSeconds
    guard rest != 0 else { return "0s" }
    var text = ""
    if rest < 0 {
      text = "-"
      rest = -rest
    }
    for (unit, seconds) in [("d", Int64(86400)), ("h", 3600), ("m", 60), ("s", 1)]
    where rest >= seconds {
      text += "\(rest / seconds)\(unit)"
      rest %= seconds
    }
    return text
  }
}
