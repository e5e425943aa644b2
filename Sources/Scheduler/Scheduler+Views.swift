// SPDX-License-Identifier: ISC

package import Mail

extension Scheduler {
  /// Nil when there is no such envelope.
  package func status(of id: EnvelopeID) -> Status? {
    guard let index = byEnvelope.find(id.rawValue, slots), let state = slots[index].state else {
      return nil
    }
    let slot = slots[index]
    var status = Status(
      state: state,
      kind: slot.kind,
      destination: destinations[slot.destination].name,
      expiry: Instant(second: slot.expiry),
      tries: slot.tries,
      isSuspended: slot.flags.contains(.suspended),
      isRemoved: slot.flags.contains(.removed)
    )
    switch state {
    case .inFlight: status.inFlightSince = Instant(second: slot.moment)
    case .held: status.holdQueue = holds[slot.moment].name
    case .pending, .scheduled, .suspended, .expired: status.nextTry = Instant(second: slot.moment)
    }
    return status
  }

  /// The envelopes of one message, in the order in which they came; empty when it is unknown.
  package func envelopes(of message: MessageID) -> [EnvelopeID] {
    guard let leader = byMessage.find(message.rawValue, slots) else { return [] }
    var found = [identifier(leader)]
    var index = slots[leader].siblingNext
    while index != leader {
      found.append(identifier(index))
      index = slots[index].siblingNext
    }
    return found
  }

  package func knows(_ message: MessageID) -> Bool {
    byMessage.find(message.rawValue, slots) != nil
  }

  /// What is in flight, in the order in which it was handed out: for a reconciliation.
  package func inFlight() -> [EnvelopeID] { flying.members(slots).map { identifier($0) } }

  package var statistics: Statistics {
    var now = totals
    now.envelopes = slots.count
    now.messages = byMessage.count
    now.inFlight = Int(flying.count)
    now.held = heldCount
    now.suspended = Int(suspendedList.count)
    now.expiring = Int(expiredList.count)
    now.pending = wheel.count - heldCount
    now.scheduled =
      now.envelopes - now.pending - now.inFlight - now.held - now.suspended - now.expiring
    now.destinations = destinations.count
    now.blockedDestinations = destinations.blocked
    now.holdQueues = holds.count
    return now
  }

  /// The destinations with their envelopes, in no order. Costs a walk over all destinations.
  package func destinationStatuses() -> [DestinationStatus] {
    destinations.indices.values.map { index in
      let destination = destinations[index]
      var until: Instant?
      if case .blocked(let second) = destination.gate { until = Instant(second: second) }
      return DestinationStatus(
        kind: destination.kind,
        name: destination.name,
        envelopes: Int(destination.envelopes),
        scheduled: Int(destination.scheduled),
        inFlight: Int(destination.inFlight),
        blockedUntil: until
      )
    }
  }

  /// The hold queues and how long each is.
  package func holdQueues() -> [(name: String, envelopes: Int)] {
    holds.indices.map { ($0.key, Int(holds[$0.value].members.count)) }
  }

  /// The memory that envelopes and destinations take, counted; names and dictionaries are estimated.
  package var allocatedBytes: Int {
    slots.allocatedBytes + byEnvelope.allocatedBytes + byMessage.allocatedBytes
      + destinations.allocatedBytes
  }
}
