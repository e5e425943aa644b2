// SPDX-License-Identifier: ISC

package import Mail

extension Scheduler {
  /// Makes an envelope due at once, and lets it probe its destination if that is blocked.
  ///
  /// One that is suspended is tried once, and suspended again if it comes back. One that is moving
  /// already is left alone. A pause of its kind still stops it.
  package mutating func schedule(_ id: EnvelopeID, at now: Instant) -> Change {
    guard let index = byEnvelope.find(id.rawValue, slots) else { return .unknown }
    switch slots[index].state {
    case .inFlight, .expired, nil: return .unchanged
    case .scheduled:
      guard canSchedule(id) else { return .unchanged }
      probe(with: index, now.second)
      return .changed
    case .pending, .held, .suspended:
      leavePlace(index, now.second)
      slots[index].moment = now.second
      wait(index, now.second)
      if slots[index].state == .scheduled, !slots[index].flags.contains(.alone),
        case .blocked = destinations[slots[index].destination].gate
      {
        probe(with: index, now.second)
      }
      return .changed
    }
  }

  /// Whether `schedule` would change anything.
  package func canSchedule(_ id: EnvelopeID) -> Bool {
    guard let index = byEnvelope.find(id.rawValue, slots) else { return false }
    switch slots[index].state {
    case .inFlight, .expired, nil: return false
    case .pending, .held, .suspended: return true
    case .scheduled:
      guard case .blocked = destinations[slots[index].destination].gate else { return false }
      return !slots[index].flags.contains(.alone)
    }
  }

  /// Removes an envelope: now, or when it comes back.
  package mutating func remove(_ id: EnvelopeID, at now: Instant) -> Removal {
    guard let index = byEnvelope.find(id.rawValue, slots) else { return .unknown }
    if slots[index].state == .inFlight {
      slots[index].flags.insert(.removed)
      return .marked
    }
    leavePlace(index, now.second)
    totals.removedTotal += 1
    return .removed(erase(index))
  }

  /// Stops an envelope. One that is in flight finishes its try first.
  package mutating func suspend(_ id: EnvelopeID, at now: Instant) -> Change {
    guard let index = byEnvelope.find(id.rawValue, slots) else { return .unknown }
    switch slots[index].state {
    case .suspended, .expired, nil: return .unchanged
    case .inFlight:
      guard !slots[index].flags.contains(.suspended) else { return .unchanged }
      slots[index].flags.insert(.suspended)
    case .pending, .scheduled, .held:
      leavePlace(index, now.second)
      suspend(index)
    }
    return .changed
  }

  /// Lets an envelope go on from where it was: due when it would have been.
  package mutating func resume(_ id: EnvelopeID, at now: Instant) -> Change {
    guard let index = byEnvelope.find(id.rawValue, slots) else { return .unknown }
    guard slots[index].flags.contains(.suspended) else { return .unchanged }
    slots[index].flags.remove(.suspended)
    if slots[index].state == .suspended {
      leavePlace(index, now.second)
      wait(index, now.second)
    }
    return .changed
  }

  /// Nothing of that kind is dispatched or expires any more.
  package mutating func pause(_ kind: Kind) -> Change {
    defer { paused |= 1 << kind.rawValue }
    return isPaused(kind) ? .unchanged : .changed
  }

  package mutating func resume(_ kind: Kind) -> Change {
    defer { paused &= ~(1 << kind.rawValue) }
    return isPaused(kind) ? .changed : .unchanged
  }

  package func isPaused(_ kind: Kind) -> Bool { paused >> kind.rawValue & 1 != 0 }

  /// To the head of its destination's queue, and lets that go on with it.
  private mutating func probe(with index: UInt32, _ now: Second) {
    let destination = slots[index].destination
    destinations[destination].remove(index, &slots)
    destinations[destination].prepend(index, &slots)
    destinations.allowProbe(destination)
  }
}
