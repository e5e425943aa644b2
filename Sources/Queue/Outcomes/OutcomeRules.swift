// SPDX-License-Identifier: ISC

package import Mail

/// What an outcome means for the store and for the schedule: one place for the rules of retry,
/// expiry, bounce and removal.
package struct OutcomeRules: Sendable {
  package let notices: NoticePolicy
  /// How long a notice itself is tried.
  package var noticeTimeToLive = Duration.seconds(604_800)

  /// - Parameter warnIntervals: when delay notices are due, counted from creation.
  package init(warnIntervals: [Duration]) {
    notices = NoticePolicy(warnIntervals: warnIntervals)
  }

  /// Where an envelope goes in the schedule, with what has to be recorded of it.
  ///
  /// That a message goes with its last envelope is added by whoever counts.
  package enum Decision: Equatable, Sendable {
    case gone
    /// Tried again.
    case retry(EnvelopeUpdate)
    /// Wait under this key.
    case hold(key: UInt64)
    /// The envelope is a notice from now on, due at once.
    case bounce(EnvelopeUpdate)
  }

  /// - Parameter stored: the envelope as it was before the try.
  package func decide(
    _ report: DeliveryReport,
    for stored: StoredEnvelope,
    expiry: Instant,
    at now: Instant
  ) -> Decision {
    switch report.result {
    case .delivered: return delivered(stored, report, at: now)
    case .permanent, .loop:
      return failed(stored, report.status, report.text, peer: report.peer, lastTry: now, at: now)
    case .held: return .hold(key: report.holdKey)
    case .temporary:
      guard now < expiry else {
        return expired(stored, lastTry: now, report.text, peer: report.peer, at: now)
      }
      return .retry(
        .deferred(at: now, status: report.status, error: report.text, peer: report.peer)
      )
    }
  }

  /// The envelope's time is over, and it is not tried again.
  package func expired(_ stored: StoredEnvelope, at now: Instant) -> Decision {
    let progress = stored.envelope.progress
    return expired(
      stored,
      lastTry: progress.lastTry,
      progress.lastError,
      peer: progress.lastPeer,
      at: now
    )
  }

  /// Says what the last failure was, too: that is what the sender can do something about.
  private func expired(
    _ stored: StoredEnvelope,
    lastTry: Instant?,
    _ lastError: String,
    peer: String,
    at now: Instant
  ) -> Decision {
    let text = lastError.isEmpty ? "Envelope expired" : "Envelope expired; last error: \(lastError)"
    let status = EnhancedStatus(.permanent, 4, 7)
    return failed(stored, status, text, peer: peer, lastTry: lastTry, at: now)
  }

  private func delivered(
    _ stored: StoredEnvelope,
    _ report: DeliveryReport,
    at now: Instant
  ) -> Decision {
    guard notices.owesSuccess(stored), report.successNotice == .ours else { return .gone }
    return .bounce(
      .becameBounce(
        .delivered,
        at: now,
        lastTry: now,
        status: report.status ?? EnhancedStatus(.success, 0, 0),
        error: report.text,
        peer: report.peer
      )
    )
  }

  private func failed(
    _ stored: StoredEnvelope,
    _ status: EnhancedStatus?,
    _ text: String,
    peer: String,
    lastTry: Instant?,
    at now: Instant
  ) -> Decision {
    guard notices.owesFailure(stored) else { return .gone }
    return .bounce(
      .becameBounce(
        .failed,
        at: now,
        lastTry: lastTry,
        status: status ?? EnhancedStatus(.permanent, 0, 0),
        error: text,
        peer: peer
      )
    )
  }
}
