// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail
internal import Queue
internal import Scheduler

/// How stored envelopes look to the scheduler: destinations, expiry, kind.
struct ScheduleEntries {
  private let actions: [String: QueueProjection.Action]
  private let timeToLive: Duration
  private let noticeTimeToLive: Duration

  init(_ projection: QueueProjection, noticeTimeToLive: Duration) {
    actions = Dictionary(
      projection.actions.map { ($0.name, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    timeToLive = projection.timeToLive
    self.noticeTimeToLive = noticeTimeToLive
  }

  /// Whether the configuration has the action that an envelope names.
  func hasAction(_ name: String) -> Bool { actions[name] != nil }

  /// When the envelope is given up.
  func expiry(of envelope: Envelope) -> Instant {
    if case .bounce = envelope.kind { return envelope.created + noticeTimeToLive }
    if envelope.timeToLive > .zero { return envelope.created + envelope.timeToLive }
    return envelope.created + (actions[envelope.action]?.timeToLive ?? timeToLive)
  }

  func kind(of envelope: Envelope) -> Scheduler.Kind {
    switch envelope.kind {
    case .bounce: .bounce
    case .local: .local
    case .relay: .relay
    }
  }

  /// What shares a queue, a turn and a transaction.
  func destination(of envelope: Envelope) -> String {
    switch envelope.kind {
    case .bounce(.failed): "failed"
    case .bounce(.delayed): "delayed"
    case .bounce(.delivered): "delivered"
    case .local(let local):
      // One server takes the message for all its users in one transaction.
      actions[envelope.action]?.route == .fixed && local.method == .action
        ? envelope.action : envelope.action + "\u{1}" + local.user
    case .relay: relayDestination(envelope.action, domain: envelope.destination.domain)
    }
  }

  func isRelay(_ action: String) -> Bool { actions[action]?.kind == .relay }

  /// An action that names its hosts has one destination, any other one for each domain.
  func relayDestination(_ action: String, domain: String) -> String {
    actions[action]?.route == .fixed ? action : action + "\u{1}" + domain.lowercased()
  }

  /// The name of the hold queue of envelopes whose action is gone from the configuration.
  static func missingAction(_ name: String) -> String {
    "action \(name) is not in the configuration"
  }

  func entry(for stored: StoredEnvelope) -> Scheduler.Entry {
    let envelope = stored.envelope
    var entry = Scheduler.Entry(
      id: envelope.id,
      kind: kind(of: envelope),
      destination: destination(of: envelope),
      created: envelope.created,
      expiry: expiry(of: envelope)
    )
    entry.tries = envelope.progress.tries
    entry.holdUntil = envelope.holdUntil
    entry.priority = stored.message.priority
    if envelope.progress.suspension != .none {
      entry.standing = .suspended
    } else if entry.kind != .bounce, !hasAction(envelope.action) {
      entry.standing = .held(ScheduleEntries.missingAction(envelope.action))
    }
    if envelope.progress.crashes >= DispatchDesk.Limits.crashesTogether { entry.company = .alone }
    return entry
  }
}
