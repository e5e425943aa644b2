// SPDX-License-Identifier: ISC

package import Mail

/// One relay as it is now, for operators.
package struct RelaySummary: Sendable {
  /// What makes it one.
  package let key: RelayKey
  /// Tasks that wait, and sessions of every state.
  package let references: Int
  /// Tasks that wait.
  package let tasks: Int
  /// All of its connections.
  package let use: ConnectionUse
  /// When it is looked at again, where that is set.
  package let timeout: Instant?
  /// The resolver's answer is waited for.
  package let isAsking: Bool
  /// It waits for what others use up.
  package let isLimited: Bool
  /// The queue keeps tasks back.
  package let isHolding: Bool
  /// By source, in the configuration's order.
  package let connectors: [Connector]

  /// Where it connects from.
  package struct Connector: Sendable {
    /// Nil: the system chooses.
    package let source: IPAddress?
    /// The connections from there.
    package let use: ConnectionUse
    /// When a pause is over; nil: there is none.
    package var pause: Instant?
    /// What keeps it from connecting.
    package var obstacles: Set<Obstacle> = []
  }

  /// Why no connection is made.
  package enum Obstacle: Sendable {
    /// No host has an address of the source's family.
    case family
    /// Every route is out of use.
    case blocked
    case host
    case route
    case source
    case relay
    case connector
    case domain
  }
}

extension RelayPool {
  /// How many there are of each kind now, those that are remembered only among them.
  struct Counts: Hashable, Sendable {
    let relays: Int
    let connectors: Int
    let routes: Int
    let hosts: Int
    let sources: Int
    let domains: Int
    let sessions: Int
    /// Sessions that have a task.
    let busy: Int
  }

  var counts: Counts {
    var (hosts, sources, domains) = (0, 0, 0)
    for resource in uses.keys {
      switch resource {
      case .endpoint: hosts += 1
      case .source: sources += 1
      case .domain: domains += 1
      }
    }
    let busy = sessions.values.count { if case .busy = $0.state { true } else { false } }
    return Counts(
      relays: index.count,
      connectors: connectors.count,
      routes: routes.count,
      hosts: hosts,
      sources: sources,
      domains: domains,
      sessions: sessions.count,
      busy: busy
    )
  }

  /// All relays, in the order of their names.
  package func summaries(at now: Instant) -> [RelaySummary] {
    let waiting = Set(waiters.values.flatMap(\.self))
    return slots.indices.compactMap { slot in
      slots[slot].map { summary($0, slot, isLimited: waiting.contains(slot), at: now) }
    }
    .sorted { $0.key.description < $1.key.description }
  }

  private func summary(
    _ relay: Relay,
    _ slot: Int,
    isLimited: Bool,
    at now: Instant
  ) -> RelaySummary {
    var isAsking = false
    if case .asking = relay.lookup { isAsking = true }
    return RelaySummary(
      key: relay.key,
      references: relay.backlog.count + relay.connections + relay.quitting,
      tasks: relay.backlog.count,
      use: relay.use,
      timeout: relay.retry,
      isAsking: isAsking,
      isLimited: isLimited,
      isHolding: relay.backlog.isHolding,
      connectors: Self.sources(of: relay.key).map { connector($0, relay, slot, at: now) }
    )
  }

  private func connector(
    _ source: IPAddress?,
    _ relay: Relay,
    _ slot: Int,
    at now: Instant
  ) -> RelaySummary.Connector {
    let limits = settings.limits(for: relay.key.domain)
    let own = connectors[ConnectorKey(relay: slot, source: source), default: .init()]
    var summary = RelaySummary.Connector(source: source, use: own)
    for limit in sharedLimits(source, slot, relay, at: now) {
      switch limit.permission {
      case .allowed: break
      case .full: summary.obstacles.insert(limit.obstacle)
      case .notBefore(let moment): summary.pause = max(summary.pause ?? moment, moment)
      }
    }
    if case .known(let targets, _) = relay.lookup {
      summary.obstacles.formUnion(obstacles(to: targets, from: source, slot, limits, at: now))
    }
    return summary
  }

  /// What is in the way of every target alike.
  private func obstacles(
    to targets: [RelayTarget],
    from source: IPAddress?,
    _ slot: Int,
    _ limits: RelayLimits,
    at now: Instant
  ) -> Set<RelaySummary.Obstacle> {
    let fitting = targets.filter { Self.fits(source, $0.endpoint) }
    guard !fitting.isEmpty else { return [.family] }
    var found: Set<RelaySummary.Obstacle> = []
    for target in fitting {
      let key = routeKey(source, target.endpoint, slot)
      let host = uses[.endpoint(target.endpoint), default: .init()]
      switch routes[key, default: Route()].permission(limits, at: now) {
      case .disabled: found.insert(.blocked)
      case .busy: found.insert(.route)
      case .allowed, .notBefore:
        guard host.connections >= limits.connectionsPerHostMax else { return [] }
        found.insert(.host)
      }
    }
    return found
  }
}
