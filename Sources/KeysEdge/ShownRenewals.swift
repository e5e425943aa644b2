// SPDX-License-Identifier: ISC

package import Interprocess
package import Mail

/// Of which renewal the certificates are that each role shows, and when its handshakes with those before
/// them are over. Pure.
package struct ShownRenewals {
  /// What bounds a handshake.
  package enum Limits {
    /// A connection that is made for a handshake, and the handshake: more than both have in frontend and in
    /// delivery.
    package static let handshake: Duration = .seconds(120)
  }

  private var shown: [Role: UInt32] = [:]
  /// The first to be over is the first.
  private var ends: [(role: Role, generation: UInt32, end: Instant)] = []

  /// Nobody shows anything.
  package init() {}

  /// A role shows the certificates of a renewal. Returns when `settled` has something to say of it; nil when
  /// it is none that was looked at, `latest` being the last, or none after what the role showed before.
  ///
  /// - Parameter now: by a clock that nobody sets.
  package mutating func shows(
    _ generation: UInt32,
    _ role: Role,
    latest: UInt32,
    at now: Instant
  ) -> Instant? {
    guard generation > shown[role, default: 0], generation <= latest else { return nil }
    shown[role] = generation
    let end = now + Limits.handshake
    ends.append((role, generation, end))
    return end
  }

  /// Roles of which no handshake is under way any more that began with certificates from before a generation.
  /// Each is told once.
  package mutating func settled(at now: Instant) -> [(role: Role, generation: UInt32)] {
    let over = ends.prefix { $0.end <= now }.map { ($0.role, $0.generation) }
    ends.removeFirst(over.count)
    return over
  }
}
