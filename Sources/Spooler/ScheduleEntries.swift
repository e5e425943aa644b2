// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail
internal import Queue
internal import Scheduler

extension QueueProjection {
  /// How long envelopes live, as the store has it for those who do not read the configuration.
  var storedTimeToLive: StoredTimeToLive {
    let own = actions.compactMap { action in action.timeToLive.map { (action.name, $0) } }
    return StoredTimeToLive(
      usual: timeToLive,
      ofActions: Dictionary(own, uniquingKeysWith: { first, _ in first })
    )
  }
}

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

  /// Where an envelope goes, whatever action brings it there.
  enum Target {
    case relay(domain: String)
    case local(LocalDelivery)

    /// Nil for a notice that is still to be written.
    init?(_ envelope: Envelope) {
      switch envelope.kind {
      case .bounce: return nil
      case .local(let local): self = .local(local)
      case .relay: self = .relay(domain: envelope.destination.domain)
      }
    }
  }

  /// What shares a queue, a turn and a transaction.
  func destination(of envelope: Envelope) -> String {
    if let target = Target(envelope) { return destination(of: target, by: envelope.action) }
    switch envelope.kind {
    case .bounce(.delayed): return "delayed"
    case .bounce(.delivered): return "delivered"
    case .bounce(.failed), .local, .relay: return "failed"
    }
  }

  /// An action that names its hosts has one destination, any other one for each domain.
  func destination(of target: Target, by action: String) -> String {
    switch target {
    case .local(let local):
      // One server takes the message for all its users in one transaction.
      actions[action]?.route == .fixed && local.method == .action
        ? action : action + "\u{1}" + local.user
    case .relay(let domain):
      actions[action]?.route == .fixed ? action : action + "\u{1}" + domain.lowercased()
    }
  }

  /// Whether a destination is a user of this machine, and no server that takes mail for many.
  static func isOfOneUser(_ kind: Scheduler.Kind, _ destination: String) -> Bool {
    kind == .local && destination.utf8.contains(1)
  }

  func isRelay(_ action: String) -> Bool { actions[action]?.kind == .relay }

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
