// SPDX-License-Identifier: ISC

internal import Mail

/// Connections whose proxy has yet to say for whom they are.
///
/// They count as sessions, and for no client: the only address that there is, is the proxy's, which is that of all
/// its clients, so that a share for an address would bind those together. Instead whoever owes a header is the
/// first to go when a place is needed. A proxy says its header at once and never notices; who says
/// nothing keeps nobody out.
struct AwaitedHeaders {
  /// Milliseconds in which a header may be on its way, whatever else wants the place.
  static let grace: Int64 = 1000

  private struct Place {
    let number: UInt64
    let network: SourceAddress
    let since: Int64
    let giveUp: () -> Void
  }

  /// The oldest first.
  private var places: [Place] = []
  private var nextNumber: UInt64 = 0

  var count: Int { places.count }

  /// One more. Returns its number, for `end`.
  ///
  /// - Parameter giveUp: closes it; `end` is called within that or later.
  mutating func begin(
    _ source: SourceAddress,
    at now: Int64,
    giveUp: @escaping () -> Void
  ) -> UInt64 {
    nextNumber += 1
    places.append(Place(number: nextNumber, network: source.network, since: now, giveUp: giveUp))
    return nextNumber
  }

  /// The header is there, or never will be.
  mutating func end(_ number: UInt64) { places.removeAll { $0.number == number } }

  /// How to close the connection that has to go first, which is the oldest of the address that owes most;
  /// nil when none has to.
  ///
  /// An address with half of all `places` has no grace: connecting often enough would keep them.
  func first(toGoAt now: Int64, of places: Int) -> (() -> Void)? {
    var owed: [SourceAddress: Int] = [:]
    for place in self.places { owed[place.network, default: 0] += 1 }
    let most = owed.values.max() ?? 0
    let isTooMany = 2 * most >= places
    return self.places.first { place in
      owed[place.network] == most && (isTooMany || now - place.since >= AwaitedHeaders.grace)
    }?.giveUp
  }
}
