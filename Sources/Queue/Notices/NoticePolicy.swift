// SPDX-License-Identifier: ISC

package import Mail

/// Whether a sender is owed a notice (RFC 3461 sections 4.1 and 6.2).
///
/// The null sender never is, and a notice never is the subject of another. A sender who asked for
/// nothing hears of failures and delays; one who asked hears of just that.
package struct NoticePolicy: Sendable {
  /// After how long without delivery a delay is told of, in rising order.
  package var warnIntervals: [Duration]

  package init(warnIntervals: [Duration]) { self.warnIntervals = warnIntervals.sorted() }

  package func owesFailure(_ stored: StoredEnvelope) -> Bool { owes(.failure, stored) }

  /// - Parameter stored: the envelope before it became a bounce, delivered here or relayed to a host
  ///   that gives no notices itself.
  package func owesSuccess(_ stored: StoredEnvelope) -> Bool {
    owes(.success, stored) && stored.envelope.notify.contains(.success)
  }

  /// The notice of delay that is owed after a temporary failure: the largest interval that will have
  /// passed at the next try and that was not yet told of. At most one a failure.
  ///
  /// `noticed` is what the envelope's `lastNotice` becomes.
  package func delay(
    _ stored: StoredEnvelope,
    nextTry: Instant,
    expiry: Instant
  ) -> (bounce: Bounce, noticed: Instant)? {
    let envelope = stored.envelope
    guard owes(.delay, stored), nextTry < expiry else { return nil }
    let interval = warnIntervals.last { interval in
      let moment = envelope.created + interval
      return moment <= nextTry && (envelope.progress.lastNotice.map { $0 < moment } ?? true)
    }
    return interval.map {
      (.delayed(after: $0, timeToLive: expiry - envelope.created), envelope.created + $0)
    }
  }

  private func owes(_ condition: NotifyConditions, _ stored: StoredEnvelope) -> Bool {
    if case .bounce = stored.envelope.kind { return false }
    let notify = stored.envelope.notify
    guard stored.message.sender != nil, !notify.contains(.never) else { return false }
    return notify.isEmpty ? condition != .success : notify.contains(condition)
  }
}

extension Bounce {
  /// Envelopes of one message, by the notice that they share; in the order of their first.
  package static func groups(of envelopes: [Envelope]) -> [(bounce: Bounce, envelopes: [Envelope])]
  {
    var groups: [(bounce: Bounce, envelopes: [Envelope])] = []
    for envelope in envelopes {
      guard case .bounce(let bounce) = envelope.kind else { continue }
      if let index = groups.firstIndex(where: { $0.bounce == bounce }) {
        groups[index].envelopes.append(envelope)
      } else {
        groups.append((bounce, [envelope]))
      }
    }
    return groups
  }
}
