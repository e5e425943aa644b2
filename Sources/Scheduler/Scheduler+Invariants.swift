// SPDX-License-Identifier: ISC

extension Scheduler {
  /// A rule that the scheduler's own structures break: a fault of its code.
  package struct BrokenInvariant: Error, CustomStringConvertible, Sendable {
    package let description: String
  }

  /// Checks that every envelope is in exactly one place and that all lists, tables and counts agree.
  /// Walks everything: for tests and debug builds.
  package func checkInvariants() throws(BrokenInvariant) {
    var places = [UInt32: Int](minimumCapacity: slots.count)
    func visit(_ members: [UInt32], _ states: [State], _ place: String) throws(BrokenInvariant) {
      for index in members {
        places[index, default: 0] += 1
        guard let state = slots[index].state, states.contains(state) else {
          throw BrokenInvariant(description: "slot \(index) is wrongly in \(place)")
        }
      }
    }
    let timers = wheel.members(slots)
    try visit(timers, [.pending, .held], "the wheel")
    try visit(flying.members(slots), [.inFlight], "flight")
    try visit(suspendedList.members(slots), [.suspended], "suspension")
    try visit(expiredList.members(slots), [.expired], "expiry")
    for list in suspects { try visit(list.members(slots), [.scheduled], "the suspects") }
    for destination in destinations.all {
      let due =
        destination.high.members(slots) + destination.normal.members(slots)
        + destination.low.members(slots)
      try visit(due, [.scheduled], "\(destination.name)'s queue")
    }
    var live = 0
    for index in 0..<slots.bound where slots[index].state != nil {
      live += 1
      try check(places[index] == 1, "slot \(index) is in \(places[index] ?? 0) places")
      try checkSlot(index)
    }
    try check(live == slots.count, "\(slots.count) slots, but \(live) live ones")
    try check(byEnvelope.count == live, "\(byEnvelope.count) envelopes in the table, \(live) slots")
    try check(timers.count == wheel.count, "the wheel counts \(wheel.count) of \(timers.count)")
    try checkMessages()
    try checkDestinations()
    try checkHolds()
  }

  private func check(
    _ condition: Bool,
    _ text: @autoclosure () -> String
  ) throws(BrokenInvariant) {
    if !condition { throw BrokenInvariant(description: text()) }
  }

  private func checkSlot(_ index: UInt32) throws(BrokenInvariant) {
    let slot = slots[index]
    try check(byEnvelope.find(slot.id, slots) == index, "slot \(index) is not found by its id")
    try check(slots[slot.siblingNext].siblingPrevious == index, "slot \(index): broken ring")
    try check(slots[slot.siblingNext].message == slot.message, "slot \(index): a foreign sibling")
    let leader = byMessage.find(slot.message, slots)
    try check(leader != nil, "slot \(index) is not found by its message")
    try check((leader == index) == slot.flags.contains(.leader), "slot \(index): leadership")
    let isTimed = slot.bucket != TimerWheel.noBucket
    try check(isTimed == (slot.state == .pending || slot.state == .held), "slot \(index): timer")
    try check(!isTimed || slot.wake > wheel.current || isBehind(slot), "slot \(index) overslept")
    try check(
      destinations[slot.destination].kind == slot.kind,
      "slot \(index): a destination of another kind"
    )
  }

  /// Whether a slot lies in the bucket that an interrupted pass has not finished.
  private func isBehind(_ slot: borrowing Slot) -> Bool { wheel.nextEvent == wheel.current }

  private func checkMessages() throws(BrokenInvariant) {
    var messages = Set<UInt32>()
    for index in 0..<slots.bound where slots[index].state != nil {
      messages.insert(slots[index].message)
    }
    try check(
      messages.count == byMessage.count,
      "\(byMessage.count) messages in the table, \(messages.count) in the slots"
    )
  }

  private func checkDestinations() throws(BrokenInvariant) {
    var envelopes = [UInt32: UInt32]()
    var flights = [UInt32: UInt32]()
    var flyingSuspects = 0
    for index in 0..<slots.bound {
      guard let state = slots[index].state else { continue }
      envelopes[slots[index].destination, default: 0] += 1
      guard state == .inFlight else { continue }
      flights[slots[index].destination, default: 0] += 1
      if slots[index].flags.contains(.alone) { flyingSuspects += 1 }
    }
    try check(flyingSuspects == suspectsFlying, "\(suspectsFlying) suspects in flight")
    for index in destinations.indices.values {
      let destination = destinations[index]
      let name = destination.name
      try check(destination.envelopes == envelopes[index] ?? 0, "\(name): envelope count")
      try check(destination.inFlight == flights[index] ?? 0, "\(name): count in flight")
      try check(destination.isInRing == destination.isReady, "\(name): its turn")
      if case .blocked = destination.gate { continue }
      try check(destination.envelopes > 0, "\(name) is kept without envelopes")
      try check(
        destination.gate != .probing || destination.inFlight > 0,
        "\(name) waits for a probe that is not under way"
      )
    }
    try check(
      envelopes.keys.allSatisfy { Set(destinations.indices.values).contains($0) },
      "an envelope of a forgotten destination"
    )
  }

  private func checkHolds() throws(BrokenInvariant) {
    var held = 0
    for index in holds.indices.values {
      let members = holds[index].members.members(slots)
      try check(!members.isEmpty, "an empty hold queue is kept")
      for member in members {
        let belongs = slots[member].state == .held && slots[member].moment == index
        try check(belongs, "slot \(member) is wrongly in a hold queue")
      }
      held += members.count
    }
    try check(held == heldCount, "\(heldCount) held, but \(held) in hold queues")
  }
}
