// SPDX-License-Identifier: ISC

import DNS
import Mail

/// Relays: made with their first task, gone with their last session; lookups, hand-over of tasks, holds.
extension RelayPool {
  mutating func slot(for key: RelayKey) -> Int {
    if let slot = index[key] { return slot }
    let relay = Relay(key: key, hold: newHold())
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      slots[free] = relay
    } else {
      slot = slots.count
      slots.append(relay)
    }
    index[key] = slot
    return slot
  }

  /// Changes a relay in place; nil when the slot is free by now: stale deadlines come here.
  @discardableResult
  mutating func mutate<Result>(_ slot: Int, _ change: (inout Relay) -> Result) -> Result? {
    guard slots.indices.contains(slot) else { return nil }
    return slots[slot]?.apply(change)
  }

  /// Forgets a relay that nothing refers to.
  mutating func collect(_ slot: Int) {
    guard slots.indices.contains(slot), let relay = slots[slot], relay.isUnused else { return }
    if let release = mutate(slot, { $0.backlog.releaseAll() }) ?? nil {
      actions.append(.release(relay.hold, release))
    }
    for source in Self.sources(of: relay.key) {
      connectors[ConnectorKey(relay: slot, source: source)] = nil
    }
    index[relay.key] = nil
    slots[slot] = nil
    freeSlots.append(slot)
  }

  static func sources(of key: RelayKey) -> [IPAddress?] {
    key.sources.isEmpty ? [nil] : key.sources
  }

  func hold(for slot: Int) -> HoldID? { slots[slot]?.hold }

  mutating func hold(_ task: UInt64, _ slot: Int) {
    guard let hold = hold(for: slot) else { return }
    actions.append(.hold(task: task, hold))
  }

  /// Gives tasks to ready sessions, then connects as far as tasks are left.
  mutating func drain(_ slot: Int, at now: Instant) {
    guard slots.indices.contains(slot), slots[slot] != nil else { return }
    while let (session, task) = mutate(slot, Self.match) ?? nil {
      sessions[session]?.state = .busy(task: task)
      actions.append(.deliver(task: task, session: session))
      releaseHeld(slot)
    }
    guard let relay = slots[slot], !relay.backlog.isEmpty else { return }
    switch relay.lookup {
    case .asking:
      break
    case .known(_, let until) where until > now || relay.connections > 0:
      connect(slot, at: now)
    case .none, .known:
      look(slot, at: now)
    }
  }

  /// The session that was used last takes the oldest task: the others may grow idle and end.
  private static func match(_ relay: inout Relay) -> (session: UInt64, task: UInt64)? {
    guard let session = relay.idle.last, let task = relay.backlog.next() else { return nil }
    relay.idle.removeLast()
    relay.busy += 1
    return (session, task)
  }

  private mutating func releaseHeld(_ slot: Int) {
    guard let relay = slots[slot], relay.backlog.isHolding else { return }
    let marks = TaskBacklog.Marks(settings.limits(for: relay.key.domain))
    guard let release = mutate(slot, { $0.backlog.release(marks) }) ?? nil else { return }
    if release == .all { log("back to lowat on \(relay.key): releasing") }
    actions.append(.release(relay.hold, release))
  }

  private mutating func look(_ slot: Int, at now: Instant) {
    guard let key = slots[slot]?.key else { return }
    var rules = settings.rules
    rules.port = key.port
    rules.families = settings.limits(for: key.domain).families
    rules.backup = key.backup
    seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    var lookup = MailExchangers(key.destination, rules: rules, seed: seed)
    let step = lookup.begin()
    mutate(slot) { $0.lookup = .asking(lookup) }
    follow(step, slot, at: now)
  }

  /// What a step of a lookup leads to.
  mutating func follow(_ step: MailExchangers.Step, _ slot: Int, at now: Instant) {
    switch step {
    case .ask(let questions):
      for question in questions {
        if askers[question, default: []].isEmpty { actions.append(.ask(question)) }
        askers[question, default: []].append(slot)
      }
    case .wait:
      break
    case .found(let targets):
      mutate(slot) { $0.lookup = .known(targets, until: now + Limits.lookupLife) }
      drain(slot, at: now)
      collect(slot)
    case .failed(let failure):
      mutate(slot) { $0.lookup = .none }
      failTasks(slot, failure)
    }
  }

  /// Ends the try of every task that waits, and lets the held ones have theirs.
  ///
  /// - Parameter pause: how long no way to the destination will be open; nil when nobody knows.
  mutating func failTasks(_ slot: Int, _ failure: RelayFailure, pause: Duration? = nil) {
    guard let relay = slots[slot] else { return }
    switch failure {
    case .noExchanger, .noExchangerAddress: log("No MX found for \(relay.key)")
    case .familyMismatch: log("Address family mismatch on \(relay.key)")
    case .blocked, .networkError, .noRoute, .rejectsAll: log("No valid route for \(relay.key)")
    default: log("Error on \(relay.key): \(failure.text)")
    }
    for task in mutate(slot, { $0.backlog.takeAll() }) ?? [] {
      actions.append(.fail(task: task, failure, pause: pause))
    }
    if let release = mutate(slot, { $0.backlog.releaseAll() }) ?? nil {
      actions.append(.release(relay.hold, release))
    }
    mutate(slot) { $0.lastFailure = nil }
    collect(slot)
  }

  mutating func noteAcceptance(_ session: Session) {
    routes[session.route]?.accepted()
    for resource in resources(session) { uses[resource]?.standing = .good }
    connectors[ConnectorKey(relay: session.relay, source: session.route.source)]?.standing = .good
    mutate(session.relay) { relay in relay.use.standing = .good }
  }
}
