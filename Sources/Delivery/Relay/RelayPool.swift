// SPDX-License-Identifier: ISC

package import DNS
package import Mail

/// All relays with their sessions: decides which task goes over which connection, and when a new one is
/// made. Pure: every event returns what is to be done, in that order.
///
///     task ──▶ backlog ──lookup──▶ route ──connect──▶ session ready ──▶ deliver ──▶ next task
///                │ above the high mark: hold                            │ mails used up: quit
///                ▼                                                      ▼ none: idle, then quit
///
/// Session:  connecting ──▶ idle ◀──▶ busy ──▶ resting ──▶ idle;  idle, busy ──▶ quitting ──▶ gone
package struct RelayPool: Sendable {
  package struct Settings: Sendable {
    package var limits = RelayLimits()
    /// `mta limit for domain`: instead of `limits`, by the relay's domain or host in lower case.
    package var limitsByDomain: [String: RelayLimits] = [:]
    package var rules = MailExchangers.Rules()

    package init() {}

    /// The limits of a relay to that domain or host.
    func limits(for domain: String) -> RelayLimits { limitsByDomain[domain] ?? limits }
  }

  package enum Limits {
    /// For how long the answers of a lookup are used.
    package static let lookupLife: Duration = .seconds(300)
    /// For how long hosts and sources without a connection are remembered, besides their pauses.
    package static let memory: Duration = .seconds(60)
  }

  struct Session: Sendable {
    enum State: Sendable, Equatable {
      case connecting
      case idle(since: Instant)
      case busy(task: UInt64)
      /// Between two transactions, when the operator wants a pause there.
      case resting(until: Instant)
      case quitting
    }

    let relay: Int
    let route: RouteKey
    var state = State.connecting
    var mails = 0
    /// A deadline for idleness is set.
    var isWatched = false
  }

  enum Deadline: Sendable {
    case retry(relay: Int)
    case idle(session: UInt64)
    case rested(session: UInt64)
    case decay(RouteKey)
    case forget(RouteKey, domain: String)
  }

  /// What a relay may wait for because others use it up.
  enum Resource: Hashable, Sendable {
    case endpoint(RelayEndpoint)
    case source(IPAddress?)
    case domain(String)
  }

  struct ConnectorKey: Hashable, Sendable {
    let relay: Int
    let source: IPAddress?
  }

  package var settings: Settings
  var slots: [Relay?] = []
  var freeSlots: [Int] = []
  var index: [RelayKey: Int] = [:]
  var sessions: [UInt64: Session] = [:]
  var routes: [RouteKey: Route] = [:]
  var uses: [Resource: ConnectionUse] = [:]
  var connectors: [ConnectorKey: ConnectionUse] = [:]
  var waiters: [Resource: [Int]] = [:]
  var askers: [DNSQuestion: [Int]] = [:]
  var deadlines = Deadlines<Deadline>()
  var actions: [RelayPoolAction] = []
  private var lastSession: UInt64 = 0
  private var lastHold: UInt64 = 0
  var seed: UInt64

  /// - Parameter seed: random; orders exchangers of equal preference.
  package init(_ settings: Settings, seed: UInt64) {
    self.settings = settings
    self.seed = seed
  }

  /// When `timerFired` wants to be called next.
  package var nextDeadline: Instant? { deadlines.next }

  /// Questions without an answer, to be asked again when the resolver was replaced.
  package var openQuestions: [DNSQuestion] { Array(askers.keys) }

  package var sessionCount: Int { sessions.count }

  /// A task for a relay arrived.
  package mutating func begin(
    task: UInt64,
    for key: RelayKey,
    at now: Instant
  ) -> [RelayPoolAction] {
    let relay = slot(for: key)
    switch mutate(
      relay,
      { [marks = TaskBacklog.Marks(settings.limits(for: key.domain))] in $0.backlog.add(task, marks)
      }
    ) {
    case .taken:
      drain(relay, at: now)
    case .firstHeld:
      log("hiwat reached on \(key): holding envelopes")
      hold(task, relay)
    case .held, nil:
      hold(task, relay)
    }
    return takeActions()
  }

  /// A session got through greeting and EHLO. Its first task follows when there is one.
  package mutating func sessionReady(_ id: UInt64, at now: Instant) -> [RelayPoolAction] {
    guard var session = sessions[id], session.state == .connecting else { return [] }
    session.state = .idle(since: now)
    sessions[id] = session
    routes[session.route]?.proved()
    mutate(session.relay) { relay in
      relay.connecting -= 1
      relay.idle.append(id)
      relay.lastFailure = nil
    }
    drain(session.relay, at: now)
    watchIfIdle(id, at: now)
    wake(.endpoint(session.route.endpoint), at: now)
    return takeActions()
  }

  package enum TaskEnding: Hashable, Sendable {
    /// At least one recipient has the message.
    case accepted
    case refused
  }

  /// The session is through with its task and ready for another, which follows when there is one.
  package mutating func taskEnded(
    session id: UInt64,
    _ ending: TaskEnding,
    at now: Instant
  ) -> [RelayPoolAction] {
    guard var session = sessions[id], case .busy = session.state else { return [] }
    session.mails += 1
    if ending == .accepted { noteAcceptance(session) }
    let limits = settings.limits(for: slots[session.relay]?.key.domain ?? "")
    if session.mails >= limits.sessionMailsMax {
      sessions[id] = session
      quit(id)
    } else if limits.sessionTransactionDelay > .zero {
      let until = now + limits.sessionTransactionDelay
      session.state = .resting(until: until)
      sessions[id] = session
      deadlines.add(.rested(session: id), at: until)
    } else {
      session.state = .idle(since: now)
      sessions[id] = session
      mutate(session.relay) { relay in
        relay.busy -= 1
        relay.idle.append(id)
      }
    }
    drain(session.relay, at: now)
    watchIfIdle(id, at: now)
    return takeActions()
  }

  /// The session means to end by itself (too many failures, a 421): it gets no more tasks.
  package mutating func sessionQuits(_ id: UInt64) {
    guard let session = sessions[id], session.state != .quitting else { return }
    leave(id, session)
  }

  /// A session is gone.
  ///
  /// - Parameters:
  ///   - returned: the task that it had been given and did not begin; it is tried over another session.
  ///   - failure: what to tell tasks that find no other way; used when it never became ready.
  package mutating func sessionEnded(
    _ id: UInt64,
    _ ending: Route.Ending,
    returned: UInt64? = nil,
    failure: RelayFailure = .networkError,
    at now: Instant
  ) -> [RelayPoolAction] {
    guard let session = sessions[id] else { return [] }
    let neverReady = session.state == .connecting
    leave(id, session)
    sessions[id] = nil
    mutate(session.relay) { relay in
      relay.quitting -= 1
      relay.use.ended()
      if neverReady { relay.lastFailure = failure }
      if ending != .orderly { relay.use.standing = .unproven }
      if let returned { relay.backlog.putBack(returned) }
    }
    endRoute(session, ending, at: now)
    drain(session.relay, at: now)
    for resource in resources(session) { wake(resource, at: now) }
    collect(session.relay)
    return takeActions()
  }

  /// The resolver answered.
  package mutating func answered(
    _ question: DNSQuestion,
    _ answer: DNSAnswer,
    at now: Instant
  ) -> [RelayPoolAction] {
    for relay in askers.removeValue(forKey: question) ?? [] {
      guard case .asking(var lookup)? = slots[relay]?.lookup else { continue }
      let step = lookup.answered(question, answer)
      mutate(relay) { $0.lookup = .asking(lookup) }
      follow(step, relay, at: now)
    }
    return takeActions()
  }

  /// Time has come for `nextDeadline`.
  package mutating func timerFired(at now: Instant) -> [RelayPoolAction] {
    while let deadline = deadlines.takeDue(at: now) {
      switch deadline {
      case .retry(let relay):
        mutate(relay) { $0.retry = nil }
        drain(relay, at: now)
        collect(relay)
      case .idle(let session):
        sessions[session]?.isWatched = false
        watchIfIdle(session, at: now)
      case .rested(let session):
        rested(session, at: now)
      case .decay(let route):
        decayed(route, at: now)
      case .forget(let route, let domain):
        forget(route, domain: domain, at: now)
      }
    }
    return takeActions()
  }

  /// Ends all idle sessions; tasks that wait go on.
  package mutating func quitIdleSessions() -> [RelayPoolAction] {
    for (id, session) in sessions {
      if case .idle = session.state { quit(id) }
    }
    return takeActions()
  }

  mutating func takeActions() -> [RelayPoolAction] {
    defer { actions = [] }
    return actions
  }

  mutating func newSession() -> UInt64 {
    lastSession += 1
    return lastSession
  }

  mutating func newHold() -> HoldID {
    lastHold += 1
    return HoldID(lastHold)
  }

  mutating func log(_ text: String) { actions.append(.log("smtp-out: " + text)) }
}
