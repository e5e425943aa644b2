// SPDX-License-Identifier: ISC

package import Mail

extension Scheduler {
  /// An envelope that was in flight is back. Ask before its outcome is recorded: the answer says what
  /// the record has to be.
  ///
  /// If its destination was being probed, being back means that it is well again; say first that it is
  /// not, with `block`.
  package mutating func completed(
    _ id: EnvelopeID,
    _ outcome: Outcome,
    at now: Instant
  ) -> Disposition {
    guard let index = byEnvelope.find(id.rawValue, slots), slots[index].state == .inFlight else {
      return .notInFlight
    }
    leavePlace(index, now.second)
    endProbe(index, outcome)
    let isExpiring = slots[index].flags.contains(.expiring)
    slots[index].flags.remove(.expiring)
    if slots[index].flags.contains(.removed) {
      totals.removedTotal += 1
      return .removed(erase(index))
    }
    switch outcome {
    case .finished: return .gone(erase(index))
    case .deferred where isExpiring: expireAgain(index, now.second)
    case .deferred: deferred(index, now.second)
    case .becameBounce(let name, let expiry):
      move(index, to: .bounce, name)
      slots[index].created = now.second
      slots[index].expiry = expiry.secondRoundedUp
      slots[index].tries = 0
      slots[index].flags.remove(.alone)
      slots[index].moment = Second(
        clamping: UInt64(now.secondRoundedUp) + UInt64(limits.gathering)
      )
      settle(index, now.second)
    case .held(let name): return held(index, under: name, now.second)
    case .returned(let company):
      if company == .alone {
        slots[index].flags.insert(.alone)
      } else {
        slots[index].flags.remove(.alone)
      }
      slots[index].moment = now.second
      settle(index, now.second)
    }
    totals.updatedTotal += 1
    return .kept(
      next: slots[index].state == .suspended ? nil : Instant(second: slots[index].moment)
    )
  }

  /// Puts an envelope that is waiting under another destination: another action delivers it now.
  package mutating func reassign(
    _ id: EnvelopeID,
    to kind: Kind,
    destination: String,
    at now: Instant
  ) -> Change {
    guard let index = byEnvelope.find(id.rawValue, slots) else { return .unknown }
    switch slots[index].state {
    case .inFlight, .expired, nil: return .unchanged
    case .suspended: move(index, to: kind, destination)
    case .pending, .scheduled, .held:
      leavePlace(index, now.second)
      move(index, to: kind, destination)
      wait(index, now.second)
    }
    return .changed
  }

  /// Nothing more goes to that destination until then; one dispatch then finds out whether it is well.
  package mutating func block(_ kind: Kind, _ destination: String, until: Instant) {
    guard let index = destinations.find(kind: kind, name: destination) else { return }
    destinations.block(index, until: until.secondRoundedUp)
  }

  /// That destination is well again.
  package mutating func unblock(_ kind: Kind, _ destination: String) {
    guard let index = destinations.find(kind: kind, name: destination) else { return }
    destinations.open(index)
  }

  /// That destination's deliverer can take so many dispatches: with none nothing more goes there. Each
  /// dispatch counts it down.
  package mutating func set(room: Int, of kind: Kind, _ destination: String) {
    guard let index = destinations.find(kind: kind, name: destination) else { return }
    destinations.set(room: UInt32(clamping: room), of: index)
  }

  /// Takes envelopes out of a hold queue, in the order in which they came. Returns how many. Costs
  /// nothing for those that stay.
  package mutating func release(_ name: String, _ release: Release, at now: Instant) -> Int {
    let most: Int
    switch release {
    case .first(let count): most = min(count, holds.length(name))
    case .all, .allLater: most = holds.length(name)
    }
    var released = 0
    while released < most, let index = holds.first(of: name) {
      released += 1
      leavePlace(index, now.second)
      if case .allLater = release {
        slots[index].moment = retry.next(
          slots[index],
          base: retry.base(of: slots[index].kind),
          at: now.second
        )
        totals.updatedTotal += 1
      }
      wait(index, now.second)
    }
    return released
  }

  private mutating func deferred(_ index: UInt32, _ now: Second) {
    slots[index].tries = slots[index].tries == .max ? .max : slots[index].tries + 1
    slots[index].flags.remove(.alone)
    let base = retry.base(of: slots[index].kind)
    slots[index].moment = retry.next(slots[index], base: base, at: now)
    settle(index, now)
  }

  /// It could not be given up, as when the store had no room: not again at once.
  private mutating func expireAgain(_ index: UInt32, _ now: Second) {
    slots[index].expiry = Second(clamping: UInt64(now) + UInt64(limits.bounceBase))
    slots[index].moment = slots[index].expiry
    settle(index, now)
  }

  private mutating func held(_ index: UInt32, under name: String, _ now: Second) -> Disposition {
    if slots[index].flags.contains(.suspended) {
      slots[index].moment = now
      suspend(index)
      return .kept(next: nil)
    }
    guard holds.length(name) < limits.hold else {
      totals.holdOverflowTotal += 1
      slots[index].moment = retry.next(slots[index], base: limits.overflowBase, at: now)
      wait(index, now)
      return .kept(next: Instant(second: slots[index].moment))
    }
    hold(index, under: name, now)
    return slots[index].state == .held
      ? .held : .kept(next: Instant(second: slots[index].moment))
  }

  /// Back to waiting, or to being suspended.
  private mutating func settle(_ index: UInt32, _ now: Second) {
    if slots[index].flags.contains(.suspended) { suspend(index) } else { wait(index, now) }
  }

  /// Under another destination. It must be in no list.
  private mutating func move(_ index: UInt32, to kind: Kind, _ name: String) {
    let old = slots[index].destination
    let new = destinations.index(kind: kind, name: name)
    slots[index].kind = kind
    slots[index].destination = new
    destinations[new].envelopes += 1
    destinations[old].envelopes -= 1
    destinations.settle(old)
  }

  private mutating func endProbe(_ index: UInt32, _ outcome: Outcome) {
    let destination = slots[index].destination
    guard destinations[destination].gate == .probing,
      !slots[index].flags.contains(.expiring)
    else { return }
    switch outcome {
    case .returned, .held: destinations.allowProbe(destination)
    case .finished, .deferred, .becameBounce: destinations.open(destination)
    }
  }
}
