// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Scheduler

@Suite("The operator's actions")
struct OperatorTests {
  @Test("schedule makes a pending envelope due at once")
  func schedulePending() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.tries = 9 }
    #expect(fixture.batch().isEmpty)
    #expect(fixture.schedule(id) == .changed)
    #expect(fixture.batch().map(\.envelopes) == [[id]])
  }

  @Test("schedule takes a held envelope out of its hold queue")
  func scheduleHeld() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.standing = .held("r") }
    #expect(fixture.schedule(id) == .changed)
    #expect(fixture.batch().count == 1)
    #expect(fixture.statistics.holdQueues == 0)
  }

  @Test("schedule of one that is moving is a no-op")
  func scheduleMoving() throws {
    let fixture = Fixture()
    let id = fixture.add(1)
    #expect(fixture.state(id) == .scheduled)
    #expect(fixture.schedule(id) == .unchanged)
    #expect(fixture.batch().count == 1)
    #expect(fixture.schedule(id) == .unchanged)
    #expect(fixture.schedule(Fixture.id(9)) == .unknown)
    try fixture.scheduler.checkInvariants()
  }

  @Test("a suspended envelope that is scheduled is tried once")
  func scheduleSuspended() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.standing = .suspended }
    #expect(fixture.batch().isEmpty)
    #expect(fixture.schedule(id) == .changed)
    #expect(fixture.batch().count == 1)
    #expect(fixture.complete(id, .deferred) == .kept(next: nil))
    #expect(fixture.state(id) == .suspended)
  }

  @Test("remove takes what is pending, scheduled, held or suspended at once")
  func removeNow() throws {
    let fixture = Fixture()
    let ids = [
      fixture.add(1) { $0.tries = 3 }, fixture.add(2), fixture.add(3) { $0.standing = .held("r") },
      fixture.add(4) { $0.standing = .suspended }, fixture.add(5) { $0.expiry = Fixture.start },
    ]
    for id in ids { #expect(fixture.remove(id) == .removed(.none)) }
    #expect(fixture.remove(ids[0]) == .unknown)
    #expect(fixture.statistics.envelopes == 0)
    #expect(fixture.statistics.removedTotal == 5)
    #expect(fixture.nextDue == nil)
    try fixture.scheduler.checkInvariants()
  }

  @Test(
    "remove of an envelope in flight is honoured whatever the outcome",
    arguments: [
      Scheduler.Outcome.finished, .deferred, .held(under: "r"), .returned(.alone),
      .becameBounce(destination: "failed", expiry: Fixture.start + .seconds(900)),
    ]
  )
  func removeInFlight(outcome: Scheduler.Outcome) throws {
    let fixture = Fixture()
    let id = fixture.add(1)
    fixture.add(1, 2, to: "example.net")
    #expect(fixture.batch().count == 2)
    #expect(fixture.remove(id) == .marked)
    #expect(fixture.status(id)?.isRemoved == true)
    #expect(fixture.complete(id, outcome) == .removed(.remain))
    #expect(fixture.state(id) == nil)
    try fixture.scheduler.checkInvariants()
  }

  @Test("pause lets an envelope in flight finish its try")
  func suspendInFlight() {
    let fixture = Fixture()
    let id = fixture.add(1)
    #expect(fixture.batch().count == 1)
    #expect(fixture.suspend(id) == .changed)
    #expect(fixture.suspend(id) == .unchanged)
    #expect(fixture.complete(id, .held(under: "r")) == .kept(next: nil))
    #expect(fixture.resume(id) == .changed)
    #expect(fixture.resume(id) == .unchanged)
    #expect(fixture.batch().count == 1)
  }

  @Test("resume puts an envelope back to when it was due")
  func resume() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.tries = 1 }
    #expect(fixture.suspend(id) == .changed)
    fixture.pass(10)
    #expect(fixture.resume(id) == .changed)
    #expect(fixture.status(id)?.nextTry == Fixture.start + .seconds(400))
    #expect(fixture.state(id) == .pending)
  }

  @Test("a pause of a kind stops that kind alone")
  func pauseKind() {
    let fixture = Fixture()
    fixture.add(1)
    let local = fixture.add(2) { $0.kind = .local }
    #expect(fixture.pause(.relay) == .changed)
    #expect(fixture.pause(.relay) == .unchanged)
    #expect(fixture.batch().map(\.envelopes) == [[local]])
    #expect(fixture.nextDue == nil)
    #expect(fixture.resume(.relay) == .changed)
    #expect(fixture.resume(.relay) == .unchanged)
    #expect(fixture.batch().count == 1)
  }

  @Test("suspects are tried one at a time, and by themselves")
  func suspects() throws {
    let fixture = Fixture()
    let ids = (UInt32(1)...3).map { fixture.add(1, $0) }
    #expect(fixture.batch().count == 1)
    for id in ids { _ = fixture.complete(id, .returned(.alone)) }
    let other = fixture.add(2)
    let batch = fixture.batch()
    #expect(batch.map(\.envelopes).sorted { $0[0] < $1[0] } == [[ids[0]], [other]])
    #expect(batch.first { $0.envelopes == [ids[0]] }?.company == .alone)
    #expect(fixture.batch().isEmpty)
    #expect(fixture.complete(ids[0], .deferred) != .notInFlight)
    #expect(fixture.batch().map(\.envelopes) == [[ids[1]]])
    #expect(fixture.complete(ids[1], .finished) == .gone(.remain))
    #expect(fixture.batch().map(\.envelopes) == [[ids[2]]])
    try fixture.scheduler.checkInvariants()
  }

  @Test("an outcome that comes late or twice changes nothing")
  func lateOutcome() {
    let fixture = Fixture()
    let id = fixture.add(1)
    #expect(fixture.complete(id, .finished) == .notInFlight)
    #expect(fixture.batch().count == 1)
    #expect(fixture.complete(id, .deferred) != .notInFlight)
    #expect(fixture.complete(id, .finished) == .notInFlight)
    #expect(fixture.complete(Fixture.id(7), .finished) == .notInFlight)
  }

  @Test("the last envelope of a message says so, and the message's envelopes can be listed")
  func siblings() {
    let fixture = Fixture()
    let ids = (UInt32(1)...3).map { fixture.add(7, $0) }
    #expect(fixture.envelopes(of: ids[0].message) == ids)
    #expect(fixture.remove(ids[0]) == .removed(.remain))
    #expect(fixture.remove(ids[2]) == .removed(.remain))
    #expect(fixture.knows(ids[0].message))
    #expect(fixture.remove(ids[1]) == .removed(.none))
    #expect(!fixture.knows(ids[0].message))
    #expect(fixture.envelopes(of: ids[0].message).isEmpty)
  }

  @Test("an envelope is taken once")
  func insertTwice() {
    let fixture = Fixture()
    let id = fixture.add(1)
    let again = Scheduler.Entry(
      id: id,
      kind: .local,
      destination: "x",
      created: fixture.now,
      expiry: fixture.now
    )
    #expect(fixture.insert(again) == .alreadyKnown)
    #expect(fixture.statistics.destinations == 1)
  }
}
