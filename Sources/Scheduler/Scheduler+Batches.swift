// SPDX-License-Identifier: ISC

package import Mail

extension Scheduler {
  /// Hands out what is due, at most `room` envelopes: they are in flight until `completed`.
  ///
  /// Kinds take turns, and destinations within a kind, a dispatch each, so that a long queue for one
  /// delays nobody else. Envelopes of one message for one destination come together, unless
  /// `limits.isSplit` says that each goes by itself. Within a destination higher priority goes first, then
  /// who was due first. Call again while the answer is not empty and there is room.
  package mutating func nextBatch(at now: Instant, room: Int) -> [Dispatch] {
    advance(to: now)
    var left = min(room, limits.batch, limits.inFlight - Int(flying.count))
    var work = limits.pass
    var batch: [Dispatch] = []
    while left > 0, work > 0, let kind = nextKind() {
      guard let dispatch = take(kind, at: now.second, most: left, work: &work) else { continue }
      left -= dispatch.envelopes.count
      batch.append(dispatch)
    }
    return batch
  }

  /// Hands out envelopes whose time is up, oldest first: they are in flight until `completed`, with
  /// `becameBounce` or `finished`.
  package mutating func expired(at now: Instant, limit: Int) -> [EnvelopeID] {
    advance(to: now)
    var found: [EnvelopeID] = []
    while found.count < limit, !expiredList.isEmpty {
      let index = expiredList.head
      expiredList.remove(index, &slots)
      slots[index].flags.remove(.alone)
      slots[index].flags.insert(.expiring)
      enterFlight(index, now.second)
      totals.expiredTotal += 1
      found.append(identifier(index))
    }
    return found
  }

  func identifier(_ index: UInt32) -> EnvelopeID {
    guard let id = EnvelopeID(slots[index].id) else {
      preconditionFailure("a slot without an identifier")
    }
    return id
  }

  /// The next kind in turn that has work and is not paused.
  private mutating func nextKind() -> Kind? {
    for _ in Kind.allCases {
      kindTurn = (kindTurn + 1) % Kind.allCases.count
      guard let kind = Kind(rawValue: UInt8(kindTurn)), !isPaused(kind) else { continue }
      let hasSuspect = suspectsFlying == 0 && !suspects[kindTurn].isEmpty
      if hasSuspect || destinations.turn[kindTurn] != nowhere { return kind }
    }
    return nil
  }

  /// One dispatch of that kind, or nil when what was looked at had expired.
  private mutating func take(
    _ kind: Kind,
    at now: Second,
    most: Int,
    work: inout Int
  ) -> Dispatch? {
    let suspectList = Int(kind.rawValue)
    if suspectsFlying == 0, !suspects[suspectList].isEmpty {
      let index = suspects[suspectList].head
      work -= 1
      suspects[suspectList].remove(index, &slots)
      guard slots[index].expiry > now else {
        expire(index)
        return nil
      }
      return dispatch([index], .alone, now)
    }
    let destination = destinations.turn[suspectList]
    destinations.advanceTurn(of: kind)
    guard let first = destinations[destination].first else {
      preconditionFailure("a destination without work had its turn")
    }
    work -= 1
    guard slots[first].expiry > now else {
      destinations[destination].remove(first, &slots)
      destinations.settle(destination)
      expire(first)
      return nil
    }
    let group = gather(first, most: min(most, limits.dispatch), at: now)
    work -= group.count
    for index in group { destinations[destination].remove(index, &slots) }
    if destinations[destination].gate == .probe { destinations[destination].gate = .probing }
    if destinations[destination].room != .max { destinations[destination].room -= 1 }
    let taken = dispatch(group, .any, now)
    destinations.settle(destination)
    return taken
  }

  private mutating func dispatch(_ group: [UInt32], _ company: Company, _ now: Second) -> Dispatch {
    for index in group { enterFlight(index, now) }
    let destination = slots[group[0]].destination
    return Dispatch(
      kind: destinations[destination].kind,
      destination: destinations[destination].name,
      message: identifier(group[0]).message,
      envelopes: group.map { identifier($0) },
      company: company
    )
  }

  /// `first` and others of its message that are due for the same destination.
  private func gather(_ first: UInt32, most: Int, at now: Second) -> [UInt32] {
    guard slots[first].siblingNext != first, most > 1 else { return [first] }
    let destination = slots[first].destination
    guard !limits.isSplit(slots[first].kind, destinations[destination].name) else { return [first] }
    return slots[first].kind == .bounce
      ? gatherFromSiblings(first, most: most, at: now)
      : gatherFromQueue(first, most: most, at: now)
  }

  /// Recipients of one message are inserted, deferred and due together, so that they lie next to each
  /// other in their destination's queue, or nearly.
  private func gatherFromQueue(_ first: UInt32, most: Int, at now: Second) -> [UInt32] {
    var group = [first]
    var skips = 0
    var index = slots[first].next
    while index != nowhere, group.count < most, skips < limits.groupingSkips {
      if slots[index].message == slots[first].message && slots[index].expiry > now {
        group.append(index)
      } else {
        skips += 1
      }
      index = slots[index].next
    }
    return group
  }

  /// The bounces of all messages share few queues; what belongs together is found by the message.
  private func gatherFromSiblings(_ first: UInt32, most: Int, at now: Second) -> [UInt32] {
    var group = [first]
    var looked = 0
    var index = slots[first].siblingNext
    while index != first, group.count < most, looked < limits.groupingSiblings {
      if slots[index].state == .scheduled && slots[index].destination == slots[first].destination
        && !slots[index].flags.contains(.alone) && slots[index].expiry > now
      {
        group.append(index)
      }
      looked += 1
      index = slots[index].siblingNext
    }
    return group
  }
}
