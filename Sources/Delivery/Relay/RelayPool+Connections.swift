// SPDX-License-Identifier: ISC

import DNS
import Mail

/// Connections: when and where to, and what their end leaves behind.
extension RelayPool {
  private enum Choice {
    case connect(RelayTarget, source: IPAddress?)
    /// Nothing can be done before the moment, or before somebody else's session ends.
    case later(Instant?)
    /// No way is left, and when it is known, not before the moment.
    case unusable(RelayFailure, until: Instant?)
  }

  mutating func connect(_ slot: Int, at now: Instant) {
    while let relay = slots[slot], !relay.backlog.isEmpty, !relay.hasEnoughConnections,
      case .known(let targets, _) = relay.lookup
    {
      switch choose(targets, slot, relay, at: now) {
      case .connect(let target, let source):
        open(target, from: source, slot, at: now)
      case .later(let moment):
        if let moment { retry(slot, at: moment) }
        return
      case .unusable(let failure, let until):
        if relay.connections == 0 {
          failTasks(slot, relay.lastFailure ?? failure, pause: until.map { $0 - now })
        }
        return
      }
    }
  }

  private mutating func retry(_ slot: Int, at moment: Instant) {
    guard let relay = slots[slot], relay.retry.map({ moment < $0 }) ?? true else { return }
    mutate(slot) { $0.retry = moment }
    deadlines.add(.retry(relay: slot), at: moment)
  }

  /// Looks at every source in turn.
  private mutating func choose(
    _ targets: [RelayTarget],
    _ slot: Int,
    _ relay: Relay,
    at now: Instant
  ) -> Choice {
    let sources = Self.sources(of: relay.key)
    var later: Choice?
    var failure = RelayFailure.familyMismatch
    var enabled: Instant?
    for turn in sources.indices {
      let position = (relay.nextSource + turn) % sources.count
      switch choose(targets, from: sources[position], slot, relay, at: now) {
      case .connect(let target, let source):
        mutate(slot) { $0.nextSource = position + 1 }
        return .connect(target, source: source)
      case .later(let moment):
        if case .later(let other?)? = later {
          later = .later(moment.map { min($0, other) } ?? other)
        } else {
          later = .later(moment)
        }
      case .unusable(let reason, let until):
        if reason != .familyMismatch { failure = reason }
        if let until { enabled = min(enabled ?? until, until) }
      }
    }
    return later ?? .unusable(failure, until: enabled)
  }

  /// Whether any route is left counts first, pauses then: nobody waits for a dead destination.
  private mutating func choose(
    _ targets: [RelayTarget],
    from source: IPAddress?,
    _ slot: Int,
    _ relay: Relay,
    at now: Instant
  ) -> Choice {
    let choice = route(to: targets, from: source, slot, at: now)
    if case .unusable = choice { return choice }
    return blocked(source, slot, relay, at: now) ?? choice
  }

  private mutating func route(
    to targets: [RelayTarget],
    from source: IPAddress?,
    _ slot: Int,
    at now: Instant
  ) -> Choice {
    var failure = RelayFailure.familyMismatch
    var enabled: Instant?
    var rest = targets[...]
    while let preference = rest.first?.preference {
      let group = rest.prefix { $0.preference == preference }
      rest = rest.dropFirst(group.count)
      var best: (target: RelayTarget, connections: Int)?
      var isLimited = false
      var earliest: Instant?
      for target in group where Self.fits(source, target.endpoint) {
        failure = failure == .familyMismatch ? .blocked : failure
        switch permission(source, target.endpoint, slot, at: now) {
        case .allowed:
          let connections =
            routes[routeKey(source, target.endpoint, slot)]?.connections ?? 0
          if connections < best?.connections ?? .max { best = (target, connections) }
        case .busy:
          isLimited = true
        case .notBefore(let moment):
          isLimited = true
          earliest = min(earliest ?? moment, moment)
        case .disabled(let until):
          enabled = min(enabled ?? until, until)
        }
      }
      if let best { return .connect(best.target, source: source) }
      if isLimited { return .later(earliest) }
    }
    return .unusable(failure, until: enabled)
  }

  static func fits(_ source: IPAddress?, _ endpoint: RelayEndpoint) -> Bool {
    switch (source, endpoint.address) {
    case (nil, _), (_, nil), (.inet4, .inet4), (.inet6, .inet6): true
    default: false
    }
  }

  /// What the limits that do not depend on the target say.
  private mutating func blocked(
    _ source: IPAddress?,
    _ slot: Int,
    _ relay: Relay,
    at now: Instant
  ) -> Choice? {
    var earliest: Instant?
    for limit in sharedLimits(source, slot, relay, at: now) {
      switch limit.permission {
      case .allowed: break
      case .full:
        if let resource = limit.resource { wait(slot, for: resource) }
        return .later(nil)
      case .notBefore(let moment): earliest = max(earliest ?? moment, moment)
      }
    }
    return earliest.map { .later($0) }
  }

  /// A limit on what connections share in that go to whatever target.
  struct SharedLimit {
    /// What it is in the way of, for operators.
    let obstacle: RelaySummary.Obstacle
    /// Who else uses it up; nil: this relay alone.
    let resource: Resource?
    let permission: ConnectionUse.Permission
  }

  /// In the order in which they are asked.
  func sharedLimits(
    _ source: IPAddress?,
    _ slot: Int,
    _ relay: Relay,
    at now: Instant
  ) -> [SharedLimit] {
    let limits = settings.limits(for: relay.key.domain)
    let connector = connectors[ConnectorKey(relay: slot, source: source), default: .init()]
    let domain = Resource.domain(relay.key.domain)
    return [
      SharedLimit(
        obstacle: .relay,
        resource: nil,
        permission: relay.use.permission(
          max: limits.connectionsPerRelayMax,
          delay: limits.connectionDelayPerRelay,
          at: now
        )
      ),
      SharedLimit(
        obstacle: .connector,
        resource: nil,
        permission: connector.permission(
          max: limits.connectionsPerConnectorMax,
          delay: limits.connectionDelayPerConnector,
          at: now
        )
      ),
      SharedLimit(
        obstacle: .source,
        resource: .source(source),
        permission: uses[.source(source), default: .init()].permission(
          max: limits.connectionsPerSourceMax,
          delay: limits.connectionDelayPerSource,
          at: now
        )
      ),
      SharedLimit(
        obstacle: .domain,
        resource: domain,
        permission: uses[domain, default: .init()].permission(
          max: limits.connectionsPerDomainMax,
          delay: limits.connectionDelayPerDomain,
          at: now
        )
      ),
    ]
  }

  func routeKey(
    _ source: IPAddress?,
    _ endpoint: RelayEndpoint,
    _ slot: Int
  ) -> RouteKey {
    RouteKey(source: source, endpoint: endpoint, socketAction: slots[slot]?.key.socketAction)
  }

  /// What host and route allow.
  private mutating func permission(
    _ source: IPAddress?,
    _ endpoint: RelayEndpoint,
    _ slot: Int,
    at now: Instant
  ) -> Route.Permission {
    let limits = settings.limits(for: slots[slot]?.key.domain ?? "")
    let route = routes[routeKey(source, endpoint, slot), default: Route()]
    let ofRoute = route.permission(limits, at: now)
    if case .disabled = ofRoute { return ofRoute }
    let host = uses[.endpoint(endpoint), default: .init()].permission(
      max: limits.connectionsPerHostMax,
      delay: limits.connectionDelayPerHost,
      at: now
    )
    switch (ofRoute, host) {
    case (.busy, _), (_, .full):
      wait(slot, for: .endpoint(endpoint))
      return .busy
    case (.notBefore(let first), .notBefore(let second)): return .notBefore(max(first, second))
    case (_, .notBefore(let moment)): return .notBefore(moment)
    default: return ofRoute
    }
  }

  private mutating func open(
    _ target: RelayTarget,
    from source: IPAddress?,
    _ slot: Int,
    at now: Instant
  ) {
    guard let key = slots[slot]?.key else { return }
    let id = newSession()
    let route = routeKey(source, target.endpoint, slot)
    let session = Session(relay: slot, route: route)
    sessions[id] = session
    routes[route, default: Route()].connecting(at: now)
    connectors[ConnectorKey(relay: slot, source: source), default: .init()].connecting(at: now)
    for resource in resources(session) {
      uses[resource, default: .init()].connecting(at: now)
    }
    mutate(slot) { relay in
      relay.connecting += 1
      relay.use.connecting(at: now)
    }
    let connection = RelayConnection(relay: key, route: route, name: target.name)
    actions.append(.connect(session: id, connection))
  }

  /// What a session shares with other relays' sessions.
  func resources(_ session: Session) -> [Resource] {
    var resources = [
      Resource.endpoint(session.route.endpoint), .source(session.route.source),
    ]
    if let domain = slots[session.relay]?.key.domain { resources.append(.domain(domain)) }
    return resources
  }

  /// The relay is looked at again when a session on `resource` ends or becomes ready.
  private mutating func wait(_ slot: Int, for resource: Resource) {
    if waiters[resource]?.contains(slot) == true { return }
    waiters[resource, default: []].append(slot)
  }

  /// Lets those who wait for `resource` try, until one of them has to wait again.
  mutating func wake(_ resource: Resource, at now: Instant) {
    guard let waiting = waiters.removeValue(forKey: resource) else { return }
    for (position, slot) in waiting.enumerated() {
      drain(slot, at: now)
      if waiters[resource] != nil {
        for other in waiting[(position + 1)...] { wait(other, for: resource) }
        return
      }
    }
  }

  /// Takes the session out of its relay's use.
  mutating func leave(_ id: UInt64, _ session: Session) {
    mutate(session.relay) { relay in
      switch session.state {
      case .connecting: relay.connecting -= 1
      case .busy, .resting: relay.busy -= 1
      case .idle: relay.idle.removeAll { $0 == id }
      case .quitting: return
      }
      relay.quitting += 1
    }
    sessions[id]?.state = .quitting
  }

  mutating func quit(_ id: UInt64) {
    guard let session = sessions[id], session.state != .quitting else { return }
    leave(id, session)
    actions.append(.quit(session: id))
  }

  mutating func endRoute(_ session: Session, _ ending: Route.Ending, at now: Instant) {
    for resource in resources(session) {
      uses[resource]?.ended()
      if ending != .orderly { uses[resource]?.standing = .unproven }
    }
    let connector = ConnectorKey(relay: session.relay, source: session.route.source)
    connectors[connector]?.ended()
    if ending != .orderly { connectors[connector]?.standing = .unproven }
    if let pause = routes[session.route]?.ended(ending, at: now) {
      log("Disabling route \(session.route) for \(pause.wholeSeconds)s")
      if let decay = routes[session.route]?.decay {
        deadlines.add(.decay(session.route), at: decay)
      }
    }
    let domain = slots[session.relay]?.key.domain ?? ""
    deadlines.add(.forget(session.route, domain: domain), at: now + memory)
  }

  /// As long as any pause may refer to a connection that is gone.
  private var memory: Duration {
    let delays = ([settings.limits] + settings.limitsByDomain.values).flatMap { limits in
      [
        limits.connectionDelayPerHost, limits.connectionDelayPerRoute,
        limits.connectionDelayPerSource, limits.connectionDelayPerDomain,
        limits.reconnectionDelayPerRoute,
      ]
    }
    return delays.reduce(Limits.memory) { longest, delay in
      switch delay {
      case .always(let pause), .untilGoodStanding(let pause): max(longest, pause)
      }
    }
  }

  mutating func forget(_ route: RouteKey, domain: String, at now: Instant) {
    if routes[route]?.isForgettable(since: now - memory) == true { routes[route] = nil }
    for resource in [Resource.endpoint(route.endpoint), .source(route.source), .domain(domain)] {
      guard let use = uses[resource], use.connections == 0,
        use.lastConnection.map({ $0 <= now - memory }) ?? true
      else { continue }
      uses[resource] = nil
    }
  }

  mutating func decayed(_ key: RouteKey, at now: Instant) {
    guard let isEnabled = routes[key]?.decayed(at: now) else { return }
    if isEnabled { log("Enabling route \(key)") }
    if let next = routes[key]?.decay {
      deadlines.add(.decay(key), at: next)
    } else {
      deadlines.add(.forget(key, domain: ""), at: now + memory)
    }
    if isEnabled { wake(.endpoint(key.endpoint), at: now) }
  }

  mutating func rested(_ id: UInt64, at now: Instant) {
    guard let session = sessions[id], case .resting = session.state else { return }
    sessions[id]?.state = .idle(since: now)
    mutate(session.relay) { relay in
      relay.busy -= 1
      relay.idle.append(id)
    }
    drain(session.relay, at: now)
    watchIfIdle(id, at: now)
  }

  /// Ends a session that was idle for the keep-alive time, or sets the deadline for that.
  mutating func watchIfIdle(_ id: UInt64, at now: Instant) {
    guard let session = sessions[id], case .idle(let since) = session.state else { return }
    let limits = settings.limits(for: slots[session.relay]?.key.domain ?? "")
    let end = since + limits.sessionKeepAlive
    if end <= now {
      quit(id)
    } else if !session.isWatched {
      sessions[id]?.isWatched = true
      deadlines.add(.idle(session: id), at: end)
    }
  }
}
