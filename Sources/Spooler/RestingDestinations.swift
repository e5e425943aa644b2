// SPDX-License-Identifier: ISC

internal import Mail

/// Envelopes that were deferred because their destination could not be reached: as soon as one for it is
/// delivered the others need not wait for their times.
struct RestingDestinations {
  /// What is remembered, and what is believed.
  enum Limits {
    /// Destinations that are remembered at a time.
    static let destinations = 10_000
    /// The longest rest that is believed, in milliseconds.
    static let rest: Int64 = 3_600_000
  }

  /// Of each destination: `mta max-deferred`.
  private let most: Int
  private var deferred: [String: [EnvelopeID]] = [:]

  init(most: Int) { self.most = most }

  mutating func remember(_ id: EnvelopeID, for destination: String) {
    guard deferred[destination] != nil || deferred.count < Limits.destinations,
      deferred[destination, default: []].count < most
    else { return }
    deferred[destination, default: []].append(id)
  }

  /// It works: what was remembered of it; nil when it was not known to rest.
  mutating func works(_ destination: String) -> [EnvelopeID]? {
    deferred.removeValue(forKey: destination)
  }
}
