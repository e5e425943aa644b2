// SPDX-License-Identifier: ISC

package import Mail

/// Decides when each envelope is tried. Pure: told what happened and what time it is, says what to do.
///
/// It keeps about 80 bytes an envelope and nothing that a store would have to remember: what matters
/// after a restart is in the envelopes. Times are whole seconds; a civil clock that is set back makes
/// it wait until the clock is where it was.
///
/// Pauses stop everything but removal: an envelope whose kind is paused, or that is suspended, neither
/// is tried nor expires. Expiry otherwise reaches each envelope, wherever it is: one that is held
/// when its time comes, one that is in flight when it is back, one that is scheduled when its
/// destination's turn comes.
package struct Scheduler: ~Copyable, Sendable {
  package let limits: Limits
  let retry: RetryRule
  var slots = SlotStore()
  var byEnvelope = IndexTable<EnvelopeChain>()
  /// One envelope of each message, its leader.
  var byMessage = IndexTable<MessageChain>()
  var wheel: TimerWheel
  var destinations = DestinationTable()
  var holds = HoldQueues()
  var flying = IndexList<PlaceLinks>()
  var suspendedList = IndexList<PlaceLinks>()
  var expiredList = IndexList<PlaceLinks>()
  /// Due suspects, by kind.
  var suspects = [IndexList<PlaceLinks>](repeating: .init(), count: Kind.allCases.count)
  /// Suspects in flight.
  var suspectsFlying = 0
  var heldCount = 0
  /// A bit a kind.
  var paused: UInt8 = 0
  /// The kind whose turn it is.
  var kindTurn = 0
  var totals = Statistics()

  /// - Parameter seed: what the retries' jitter is drawn from; random in service, fixed in tests.
  package init(limits: Limits = Limits(), seed: UInt64, at now: Instant) {
    precondition(limits.relayBase > 0 && limits.localBase > 0 && limits.bounceBase > 0)
    precondition(limits.overflowBase > 0 && limits.jitterShare > 0)
    precondition(limits.pass > 0 && limits.batch > 0 && limits.dispatch > 0)
    self.limits = limits
    retry = RetryRule(limits: limits, seed: seed)
    wheel = TimerWheel(at: now.second)
    destinations.rooms[Int(Kind.relay.rawValue)] = limits.relayTasks
    destinations.rooms[Int(Kind.local.rawValue)] = limits.localTasks
  }

  /// A new envelope, of a new message or found at the start.
  package mutating func insert(_ entry: Entry, at now: Instant) -> Insertion {
    guard byEnvelope.find(entry.id.rawValue, slots) == nil else { return .alreadyKnown }
    let destination = destinations.index(kind: entry.kind, name: entry.destination)
    var slot = Slot(
      id: entry.id.rawValue,
      moment: 0,
      created: entry.created.second,
      expiry: entry.expiry.secondRoundedUp,
      tries: entry.tries,
      kind: entry.kind,
      priority: entry.priority
    )
    slot.destination = destination
    slot.state = .pending
    slot.moment = max(retry.first(slot), entry.holdUntil?.secondRoundedUp ?? 0)
    if entry.company == .alone { slot.flags.insert(.alone) }
    let index = slots.add(slot)
    byEnvelope.insert(index, &slots)
    joinSiblings(index)
    destinations[destination].envelopes += 1
    totals.incomingTotal += 1
    switch entry.standing {
    case .live: wait(index, now.second)
    case .suspended: suspend(index)
    case .held(let name): hold(index, under: name, now.second)
    case .inFlight: enterFlight(index, now.second)
    }
    return .inserted
  }

  /// Moves what is due by now. `nextBatch` and `expired` do so themselves.
  package mutating func advance(to now: Instant) {
    destinations.advance(to: now.second)
    var work = limits.pass
    while let index = wheel.pop(until: now.second, work: &work, &slots) {
      if slots[index].state == .held {
        heldCount -= 1
        holds.remove(index, from: slots[index].moment, &slots)
        slots[index].moment = now.second
      }
      becomeDue(index, now.second)
    }
  }

  /// When to call `nextBatch` or `expired` again if nothing else happens; not later than now when there
  /// is work that needs no more than room. Nil when nothing waits for time.
  package var nextDue: Instant? {
    if !expiredList.isEmpty || (flying.count < limits.inFlight && hasWork) { return .epoch }
    switch (wheel.nextEvent, destinations.nextUnblocking) {
    case (nil, nil): return nil
    case (let time?, nil), (nil, let time?): return Instant(second: time)
    case (let one?, let other?): return Instant(second: min(one, other))
    }
  }

  /// How many envelopes are in flight.
  package var inFlightCount: Int { Int(flying.count) }

  private var hasWork: Bool {
    Kind.allCases.contains { kind in
      !isPaused(kind)
        && (destinations.turn[Int(kind.rawValue)] != nowhere
          || (suspectsFlying == 0 && !suspects[Int(kind.rawValue)].isEmpty))
    }
  }
}

// MARK: - Places

extension Scheduler {
  /// Into the wheel, or to where it goes when its time has come already.
  mutating func wait(_ index: UInt32, _ now: Second) {
    slots[index].state = .pending
    if slots[index].wake > max(now, wheel.current) {
      wheel.insert(index, &slots)
    } else {
      becomeDue(index, now)
    }
  }

  /// Its time has come: to be tried, or its end. It is in no list.
  private mutating func becomeDue(_ index: UInt32, _ now: Second) {
    if slots[index].expiry <= now && !isPaused(slots[index].kind) {
      expire(index)
    } else {
      schedule(index)
    }
  }

  mutating func expire(_ index: UInt32) {
    slots[index].state = .expired
    expiredList.append(index, &slots)
  }

  /// Behind the others that are due for its destination.
  mutating func schedule(_ index: UInt32) {
    slots[index].state = .scheduled
    if slots[index].flags.contains(.alone) {
      suspects[Int(slots[index].kind.rawValue)].append(index, &slots)
    } else {
      let destination = slots[index].destination
      destinations[destination].append(index, &slots)
      destinations.settle(destination)
    }
  }

  mutating func suspend(_ index: UInt32) {
    slots[index].state = .suspended
    slots[index].flags.insert(.suspended)
    suspendedList.append(index, &slots)
  }

  mutating func hold(_ index: UInt32, under name: String, _ now: Second) {
    slots[index].state = .held
    slots[index].moment = holds.append(index, to: name, &slots)
    heldCount += 1
    if slots[index].wake > max(now, wheel.current) {
      wheel.insert(index, &slots)
    } else {
      leavePlace(index, now)
      becomeDue(index, now)
    }
  }

  /// Out of the list of its place, whichever that is. What was held is due from now on.
  mutating func leavePlace(_ index: UInt32, _ now: Second) {
    switch slots[index].state {
    case .pending: wheel.remove(index, &slots)
    case .scheduled: leaveSchedule(index)
    case .held:
      if slots[index].bucket != TimerWheel.noBucket { wheel.remove(index, &slots) }
      holds.remove(index, from: slots[index].moment, &slots)
      slots[index].moment = now
      heldCount -= 1
    case .suspended: suspendedList.remove(index, &slots)
    case .expired: expiredList.remove(index, &slots)
    case .inFlight: leaveFlight(index)
    case nil: preconditionFailure("a free slot is in no place")
    }
  }

  mutating func leaveSchedule(_ index: UInt32) {
    if slots[index].flags.contains(.alone) {
      suspects[Int(slots[index].kind.rawValue)].remove(index, &slots)
    } else {
      let destination = slots[index].destination
      destinations[destination].remove(index, &slots)
      destinations.settle(destination)
    }
  }

  mutating func enterFlight(_ index: UInt32, _ now: Second) {
    slots[index].state = .inFlight
    slots[index].moment = now
    flying.append(index, &slots)
    destinations[slots[index].destination].inFlight += 1
    if slots[index].flags.contains(.alone) { suspectsFlying += 1 }
  }

  private mutating func leaveFlight(_ index: UInt32) {
    flying.remove(index, &slots)
    destinations[slots[index].destination].inFlight -= 1
    if slots[index].flags.contains(.alone) { suspectsFlying -= 1 }
  }

  /// Forgets it. It must have left its place.
  mutating func erase(_ index: UInt32) -> Siblings {
    let destination = slots[index].destination
    byEnvelope.remove(index, &slots)
    let siblings = leaveSiblings(index)
    destinations[destination].envelopes -= 1
    slots.remove(index)
    destinations.settle(destination)
    return siblings
  }

  private mutating func joinSiblings(_ index: UInt32) {
    guard let leader = byMessage.find(slots[index].message, slots) else {
      slots[index].siblingNext = index
      slots[index].siblingPrevious = index
      slots[index].flags.insert(.leader)
      byMessage.insert(index, &slots)
      return
    }
    let last = slots[leader].siblingPrevious
    slots[index].siblingNext = leader
    slots[index].siblingPrevious = last
    slots[last].siblingNext = index
    slots[leader].siblingPrevious = index
  }

  private mutating func leaveSiblings(_ index: UInt32) -> Siblings {
    let next = slots[index].siblingNext
    guard next != index else {
      byMessage.remove(index, &slots)
      return .none
    }
    if slots[index].flags.contains(.leader) {
      byMessage.substitute(index, by: next, &slots)
      slots[next].flags.insert(.leader)
    }
    let previous = slots[index].siblingPrevious
    slots[previous].siblingNext = next
    slots[next].siblingPrevious = previous
    return .remain
  }
}
