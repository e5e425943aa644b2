// SPDX-License-Identifier: ISC

package import Mail

/// What an outcome means for the store and for the schedule: one place for the rules of retry,
/// expiry, bounce and removal.
package struct OutcomeRules: Sendable {
  /// When delay notices are due, counted from creation, in rising order.
  package var warnIntervals: [Duration]
  /// How long a notice itself is tried.
  package var noticeTimeToLive = Duration.seconds(604_800)

  package init(warnIntervals: [Duration]) {
    self.warnIntervals = warnIntervals
  }

  /// The durable part of an outcome, and where the envelope goes in the schedule.
  package struct Decision: Equatable, Sendable {
    package var changes: [Step] = []
    package var next: Next
  }

  /// Like a `Change`; the rule that a message goes with its last envelope is added by whoever counts.
  package enum Step: Hashable, Sendable {
    case update(EnvelopeUpdate)
    case remove
    /// One more envelope of the same message: a delay notice that is owed.
    case addNotice(Bounce)
  }

  package enum Next: Hashable, Sendable {
    case gone
    case retry
    /// Wait under this key.
    case hold(key: UInt64)
    /// The envelope became a notice, due at once.
    case bounce
  }

  /// - Parameters:
  ///   - stored: the envelope as it was before the try.
  ///   - removal: the operator asked for it to go while it was in flight.
  package func decide(
    _ report: DeliveryReport,
    for stored: StoredEnvelope,
    expiry: Instant,
    removal: Removal,
    at now: Instant
  ) -> Decision {
    let envelope = stored.envelope
    if case .asked = removal { return Decision(changes: [.remove], next: .gone) }
    switch report.result {
    case .delivered:
      return delivered(stored, report, at: now)
    case .permanent, .loop:
      return failed(stored, status: report.status, text: report.text, at: now)
    case .returned:
      return Decision(changes: [], next: .retry)
    case .held:
      return Decision(changes: [], next: .hold(key: report.holdKey))
    case .temporary:
      guard now < expiry else { return expired(stored, at: now) }
      var decision = Decision(
        changes: [.update(.deferred(at: now, status: report.status, error: report.text))],
        next: .retry
      )
      if let moment = delayNotice(for: stored, at: now) {
        decision.changes.append(.update(.noticed(envelope.created + moment)))
        decision.changes.append(
          .addNotice(.delayed(after: moment, timeToLive: expiry - envelope.created))
        )
      }
      return decision
    }
  }

  /// Whether the operator asked for an envelope's removal while it was in flight.
  package enum Removal: Sendable {
    case none
    case asked
  }

  /// The envelope's time is over.
  package func expired(_ stored: StoredEnvelope, at now: Instant) -> Decision {
    failed(stored, status: EnhancedStatus(.permanent, 4, 7), text: "Envelope expired", at: now)
  }

  private func delivered(
    _ stored: StoredEnvelope,
    _ report: DeliveryReport,
    at now: Instant
  ) -> Decision {
    let wanted = stored.envelope.notify.contains(.success) && canNotify(stored)
    guard wanted, report.successNotice == .ours else {
      return Decision(changes: [.remove], next: .gone)
    }
    let update = EnvelopeUpdate.becameBounce(
      .delivered,
      at: now,
      status: report.status ?? EnhancedStatus(.success, 0, 0),
      error: report.text
    )
    return Decision(changes: [.update(update)], next: .bounce)
  }

  private func failed(
    _ stored: StoredEnvelope,
    status: EnhancedStatus?,
    text: String,
    at now: Instant
  ) -> Decision {
    let notify = stored.envelope.notify
    guard canNotify(stored), notify.isEmpty || notify.contains(.failure) else {
      return Decision(changes: [.remove], next: .gone)
    }
    let update = EnvelopeUpdate.becameBounce(
      .failed,
      at: now,
      status: status ?? EnhancedStatus(.permanent, 0, 0),
      error: text
    )
    return Decision(changes: [.update(update)], next: .bounce)
  }

  /// The largest warn interval that has passed and was not yet told of.
  private func delayNotice(for stored: StoredEnvelope, at now: Instant) -> Duration? {
    let envelope = stored.envelope
    guard canNotify(stored), envelope.notify.isEmpty || envelope.notify.contains(.delay) else {
      return nil
    }
    return warnIntervals.last { interval in
      let moment = envelope.created + interval
      return moment <= now && (envelope.progress.lastNotice.map { $0 < moment } ?? true)
    }
  }

  /// Never a notice to nobody, and never one about a notice.
  private func canNotify(_ stored: StoredEnvelope) -> Bool {
    if case .bounce = stored.envelope.kind { return false }
    return stored.message.sender != nil && !stored.envelope.notify.contains(.never)
  }
}
