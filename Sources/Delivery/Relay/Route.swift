// SPDX-License-Identifier: ISC

package import Mail

/// What a route connects: a local address and a remote one.
package struct RouteKey: Hashable, Sendable {
  /// Nil: the system chooses.
  package let source: IPAddress?
  package let endpoint: RelayEndpoint
  /// The action whose user connects to a local socket: what one may not, another may.
  package let socketAction: String?

  package init(source: IPAddress?, endpoint: RelayEndpoint, socketAction: String? = nil) {
    self.source = source
    self.endpoint = endpoint
    self.socketAction = socketAction
  }
}

extension RouteKey: CustomStringConvertible {
  package var description: String { "\(source?.description ?? "[]") <-> \(endpoint)" }
}

/// What is known about one route, and what may be done with it now. Pure.
///
///     new ──session ready──▶ proven ──last session failed──▶ disabled
///      │                                                        ▲ │
///      └──────────── first session never ready ─────────────────┘ │
///      ▲────────────────────── the pause is over ─────────────────┘
///
/// While there is a penalty it goes down by one at the end of each pause, and the route is remembered.
package struct Route: Sendable {
  package enum Permission: Hashable, Sendable {
    case allowed
    /// Busy: a session has to end first.
    case busy
    case notBefore(Instant)
    /// Out of use until this moment.
    case disabled(until: Instant)
  }

  private enum State: Sendable {
    /// Nothing is known: one connection may try.
    case new
    /// A session became ready.
    case proven
    case disabled(until: Instant)
  }

  package private(set) var connections = 0
  package private(set) var penalty = 0
  /// Sessions that failed since one was ready.
  package private(set) var errors = 0
  private var state = State.new
  private var standing = Standing.unproven
  private var lastConnection: Instant?
  private var lastEnd: Instant?
  /// When the penalty goes down next; nil without a penalty.
  package private(set) var decay: Instant?

  package enum Limits {
    package static let pauseMax: Duration = .seconds(3600)
    package static let pauseUnit: Duration = .seconds(15)
    /// Keeps the square within an Int; the pause reaches its maximum long before.
    package static let penaltyMax = 1000
  }

  package init() {}

  package var isNew: Bool {
    if case .new = state { true } else { false }
  }

  package var isDisabled: Bool {
    if case .disabled = state { true } else { false }
  }

  /// Nothing worth remembering: no penalty, and no connection that began or ended after `moment`.
  package func isForgettable(since moment: Instant) -> Bool {
    connections == 0 && decay == nil && max(lastConnection ?? .epoch, lastEnd ?? .epoch) <= moment
  }

  package func permission(_ limits: RelayLimits, at now: Instant) -> Permission {
    switch state {
    case .disabled(let until) where until > now: return .disabled(until: until)
    case .disabled, .proven: break
    case .new where connections > 0: return .busy
    case .new: break
    }
    guard connections < limits.connectionsPerRouteMax else { return .busy }
    let earliest = max(
      limits.connectionDelayPerRoute.end(since: lastConnection, standing),
      limits.reconnectionDelayPerRoute.end(since: lastEnd, standing)
    )
    return earliest > now ? .notBefore(earliest) : .allowed
  }

  package mutating func connecting(at now: Instant) {
    connections += 1
    lastConnection = now
  }

  /// A session got through the greeting.
  package mutating func proved() {
    state = .proven
    penalty = 0
    decay = nil
    errors = 0
  }

  /// A message was taken.
  package mutating func accepted() { standing = .good }

  package enum Ending: Hashable, Sendable {
    /// As we wished, or the peer closed an idle session.
    case orderly
    /// In the middle of a task, of a session that had been ready.
    case interrupted
    /// Never became ready.
    case failed
  }

  /// A session is gone. Returns the pause when the route is out of use from now on.
  package mutating func ended(_ ending: Ending, at now: Instant) -> Duration? {
    precondition(connections > 0)
    connections -= 1
    lastEnd = now
    if ending == .orderly, !isNew { return nil }
    standing = .unproven
    errors += 1
    guard connections == 0, !isDisabled, ending == .failed || isNew else { return nil }
    return disable(adding: 1, at: now)
  }

  /// Takes the route out of use: the host refuses every recipient, or never became ready.
  package mutating func disable(adding points: Int, at now: Instant) -> Duration {
    standing = .unproven
    penalty = min(penalty + points, Limits.penaltyMax)
    let pause = Self.pause(penalty: penalty)
    state = .disabled(until: now + pause)
    decay = now + pause
    return pause
  }

  /// The pause is over: the penalty goes down. Returns whether the route came back into use.
  package mutating func decayed(at now: Instant) -> Bool {
    guard let due = decay, due <= now else { return false }
    var enabled = false
    if case .disabled = state {
      state = .new
      enabled = true
    }
    penalty = max(0, penalty - 1)
    decay = penalty > 0 ? now + Self.pause(penalty: penalty) : nil
    return enabled
  }

  /// min(15·penalty², 3600) seconds.
  package static func pause(penalty: Int) -> Duration {
    min(Limits.pauseUnit * (penalty * penalty), Limits.pauseMax)
  }
}
