// SPDX-License-Identifier: ISC

internal import Mail

/// Envelopes that were deferred because their destination could not be reached: as soon as one for it is
/// delivered the others need not wait for their times.
struct RestingDestinations {
  /// What is remembered, and what is believed.
  struct Limits {
    /// Destinations that are remembered at a time; with one more the oldest goes.
    var destinations = 10_000
    /// How long one is remembered.
    var age = Duration.seconds(4 * 3600)
    /// The longest rest that is believed, in milliseconds.
    static let rest: Int64 = 3_600_000
  }

  private let limits: Limits
  /// Of each destination: `mta max-deferred`.
  private let most: Int
  private var deferred: [String: [EnvelopeID]] = [:]
  private var order = ArrivalOrder<String>()

  init(most: Int, limits: Limits = Limits()) {
    self.most = most
    self.limits = limits
  }

  /// How many destinations are remembered.
  var count: Int { deferred.count }

  /// - Parameter isQueued: whether an envelope is still in the schedule. Those that are not make room.
  mutating func remember(
    _ id: EnvelopeID,
    for destination: String,
    at now: Instant,
    where isQueued: (EnvelopeID) -> Bool
  ) {
    while let oldest = order.oldest(), now - oldest.since > limits.age { forget(oldest.key) }
    var envelopes = deferred.removeValue(forKey: destination) ?? []
    if envelopes.isEmpty {
      guard most > 0 else { return }
      if deferred.count >= limits.destinations, let oldest = order.oldest() { forget(oldest.key) }
      order.add(destination, at: now)
    } else if envelopes.count >= most {
      envelopes.removeAll { !isQueued($0) }
    }
    if envelopes.count < most { envelopes.append(id) }
    deferred[destination] = envelopes
  }

  /// It works: what was remembered of it; nil when it was not known to rest.
  mutating func works(_ destination: String) -> [EnvelopeID]? {
    order.remove(destination)
    return deferred.removeValue(forKey: destination)
  }

  private mutating func forget(_ destination: String) { _ = works(destination) }
}
