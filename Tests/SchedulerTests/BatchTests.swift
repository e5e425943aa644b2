// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Scheduler

@Suite("Batches")
struct BatchTests {
  @Test("envelopes of one message for one destination share a dispatch")
  func grouping() {
    let fixture = Fixture()
    fixture.add(1, 1)
    fixture.add(1, 2, to: "example.net")
    fixture.add(2, 1)
    fixture.add(1, 3)
    let batch = fixture.batch()
    let groups = Set(batch.map(\.envelopes))
    #expect(
      groups == [
        [Fixture.id(1, 1), Fixture.id(1, 3)], [Fixture.id(1, 2)], [Fixture.id(2, 1)],
      ]
    )
  }

  @Test("a dispatch, a batch, the room and the flights are bounded, at the limit and past it")
  func bounds() {
    let fixture = Fixture {
      $0.dispatch = 3
      $0.batch = 5
      $0.inFlight = 7
    }
    for low in UInt32(1)...10 { fixture.add(1, low) }
    #expect(fixture.batch(1).map(\.envelopes.count) == [1])
    #expect(fixture.batch(0).isEmpty)
    #expect(fixture.batch().map(\.envelopes.count) == [3, 2])
    #expect(fixture.batch().map(\.envelopes.count) == [1])
    #expect(fixture.batch().isEmpty)
    #expect(fixture.statistics.inFlight == 7)
    #expect(fixture.nextDue == nil)
    _ = fixture.complete(Fixture.id(1, 1), .finished)
    #expect(fixture.batch().map(\.envelopes.count) == [1])
  }

  @Test("a destination with 100,000 due envelopes does not starve the others")
  func fairness() {
    let fixture = Fixture()
    for message in UInt32(1)...100_000 { fixture.add(message, to: "big.example") }
    let small = fixture.add(200_000, to: "small.example")
    #expect(fixture.batch(10).contains { $0.envelopes == [small] })
  }

  @Test("kinds take turns")
  func kinds() {
    let fixture = Fixture()
    for message in UInt32(1)...100 { fixture.add(message) }
    for message in UInt32(101)...200 { fixture.add(message) { $0.kind = .local } }
    for message in UInt32(201)...300 { fixture.add(message) { $0.kind = .bounce } }
    let kinds = fixture.batch(30).map(\.kind)
    for kind in Scheduler.Kind.allCases { #expect(kinds.count { $0 == kind } == 10) }
  }

  @Test("higher priority goes first within a destination, then who was due first")
  func priority() {
    let fixture = Fixture()
    fixture.add(1) { $0.priority = -4 }
    fixture.add(2)
    fixture.add(3)
    fixture.add(4) { $0.priority = 9 }
    #expect(fixture.batch().map(\.message.rawValue) == [4, 2, 3, 1])
  }

  @Test("what was handed out is handed out once")
  func once() {
    let fixture = Fixture()
    fixture.add(1)
    #expect(fixture.batch().count == 1)
    #expect(fixture.batch().isEmpty)
  }

  @Test("a bounce waits for the others of its message")
  func notices() {
    let fixture = Fixture()
    let ids = (UInt32(1)...3).map { fixture.add(1, $0, to: "host\($0).example") }
    let other = fixture.add(2)
    let bounced = Scheduler.Outcome.becameBounce(
      destination: "failed",
      expiry: fixture.now + .seconds(1000)
    )
    #expect(fixture.batch().count == 4)
    _ = fixture.complete(ids[0], bounced)
    _ = fixture.complete(other, bounced)
    #expect(fixture.batch().isEmpty)
    _ = fixture.complete(ids[1], bounced)
    _ = fixture.complete(ids[2], bounced)
    fixture.pass(1)
    #expect(Set(fixture.batch().map(\.envelopes)) == [ids, [other]])
  }

  @Test("a pass is bounded, and the next goes on")
  func passes() throws {
    let fixture = Fixture { $0.pass = 10 }
    for message in UInt32(1)...35 { fixture.add(message) { $0.tries = 1 } }
    fixture.pass(400)
    var seen = 0
    for _ in 0..<20 {
      let batch = fixture.batch()
      seen += batch.count
      try fixture.scheduler.checkInvariants()
    }
    #expect(seen == 35)
  }

  @Test("nextDue names the first timer, and now when something can go")
  func nextDue() {
    let fixture = Fixture()
    #expect(fixture.nextDue == nil)
    fixture.add(1) { $0.holdUntil = Fixture.start + .seconds(50) }
    let next = fixture.nextDue
    #expect(next.map { $0 > Fixture.start && $0 <= Fixture.start + .seconds(50) } == true)
    fixture.add(2)
    #expect(fixture.nextDue.map { $0 <= fixture.now } == true)
  }

  @Test("a driver that sleeps until nextDue gets everything at its second")
  func drivenByNextDue() {
    let fixture = Fixture()
    for message in UInt32(1)...300 {
      fixture.add(message) { $0.holdUntil = Fixture.start + .seconds(Int64(message) * 977) }
    }
    var wakes = 0
    while let next = fixture.nextDue {
      fixture.now = max(fixture.now, next)
      wakes += 1
      for dispatch in fixture.batch() {
        for id in dispatch.envelopes {
          #expect((fixture.now - Fixture.start).wholeSeconds == Int64(id.message.rawValue) * 977)
          #expect(fixture.complete(id, .finished) == .gone(.none))
        }
      }
    }
    #expect(fixture.statistics.envelopes == 0)
    #expect(wakes < 2000)
  }
}
