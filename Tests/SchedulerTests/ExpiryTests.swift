// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Scheduler

@Suite("Expiry")
struct ExpiryTests {
  @Test("a pending envelope expires at its time, once, and becomes a bounce")
  func pending() throws {
    let fixture = Fixture()
    let id = fixture.add(1) {
      $0.tries = 3
      $0.expiry = Fixture.start + .seconds(60)
    }
    fixture.pass(59)
    #expect(fixture.expired(10).isEmpty)
    fixture.pass(1)
    #expect(fixture.expired(10) == [id])
    #expect(fixture.expired(10).isEmpty)
    #expect(fixture.state(id) == .inFlight)
    let outcome = Scheduler.Outcome.becameBounce(
      destination: "failed",
      expiry: fixture.now + .seconds(604_800)
    )
    #expect(fixture.complete(id, outcome) == .kept(next: fixture.now + .seconds(1)))
    fixture.pass(1)
    #expect(fixture.batch().map(\.kind) == [.bounce])
    try fixture.scheduler.checkInvariants()
  }

  @Test("a held envelope expires in its hold queue")
  func held() throws {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.expiry = Fixture.start + .seconds(60) }
    #expect(fixture.batch().count == 1)
    #expect(fixture.complete(id, .held(under: "relay")) == .held)
    fixture.pass(60)
    #expect(fixture.expired(10) == [id])
    #expect(fixture.release("relay", .all) == 0)
    try fixture.scheduler.checkInvariants()
  }

  @Test("an envelope in flight expires when it is back")
  func inFlight() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.expiry = Fixture.start + .seconds(60) }
    #expect(fixture.batch().count == 1)
    fixture.pass(100)
    #expect(fixture.expired(10).isEmpty)
    _ = fixture.complete(id, .deferred)
    #expect(fixture.expired(10) == [id])
  }

  @Test("a suspended envelope does not expire until it is resumed")
  func suspended() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.expiry = Fixture.start + .seconds(60) }
    #expect(fixture.suspend(id) == .changed)
    fixture.pass(100)
    #expect(fixture.expired(10).isEmpty)
    #expect(fixture.resume(id) == .changed)
    #expect(fixture.expired(10) == [id])
  }

  @Test("an envelope of a paused kind does not expire until the pause ends")
  func paused() {
    let fixture = Fixture()
    let pending = fixture.add(1) {
      $0.tries = 5
      $0.expiry = Fixture.start + .seconds(60)
    }
    #expect(fixture.pause(.relay) == .changed)
    fixture.pass(100)
    #expect(fixture.expired(10).isEmpty)
    #expect(fixture.batch().isEmpty)
    #expect(fixture.nextDue == nil)
    #expect(fixture.resume(.relay) == .changed)
    #expect(fixture.batch().isEmpty)
    #expect(fixture.expired(10) == [pending])
  }

  @Test("an expiring envelope of a dead destination does not open it")
  func expiryIsNoProbe() {
    let fixture = Fixture()
    let first = fixture.add(1)
    let second = fixture.add(2) {
      $0.tries = 4
      $0.expiry = Fixture.start + .seconds(60)
    }
    let third = fixture.add(3) { $0.holdUntil = Fixture.start + .seconds(30) }
    #expect(fixture.batch().count == 1)
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(3600))
    _ = fixture.complete(first, .deferred)
    fixture.pass(61)
    #expect(fixture.expired(10) == [second])
    #expect(fixture.complete(second, .finished) == .gone(.none))
    #expect(fixture.batch().isEmpty)
    #expect(fixture.state(third) == .scheduled)
  }

  @Test("an expired envelope that could not be given up is handed out again in ten seconds")
  func again() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.expiry = Fixture.start }
    #expect(fixture.expired() == [id])
    #expect(fixture.complete(id, .deferred) == .kept(next: fixture.now + .seconds(10)))
    #expect(fixture.expired().isEmpty)
    #expect(fixture.batch().isEmpty)
    fixture.pass(10)
    #expect(fixture.batch().isEmpty)
    #expect(fixture.expired() == [id])
  }

  @Test("no more are handed out than were asked for")
  func limit() {
    let fixture = Fixture()
    for message in UInt32(1)...5 { fixture.add(message) { $0.expiry = Fixture.start } }
    #expect(fixture.expired(4).count == 4)
    #expect(fixture.nextDue == .epoch)
    #expect(fixture.expired(4).count == 1)
    #expect(fixture.nextDue == nil)
  }
}
