// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Scheduler

@Suite("Retry times")
struct RetryTests {
  @Test("a relay is tried at 400, 1600, 3600 and 6400 seconds after its creation")
  func relaySteps() {
    let fixture = Fixture()
    let id = fixture.add(1)
    for step in [Int64(1), 2, 3, 4] {
      #expect(fixture.batch().map(\.envelopes) == [[id]])
      let next = Fixture.start + .seconds(400 * step * step)
      #expect(fixture.complete(id, .deferred) == .kept(next: next))
      fixture.now = next - .milliseconds(1)
      #expect(fixture.batch().isEmpty)
      fixture.now = next
    }
  }

  @Test(
    "local deliveries and bounces begin at 10 seconds",
    arguments: [Scheduler.Kind.local, .bounce]
  )
  func localSteps(kind: Scheduler.Kind) {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.kind = kind }
    #expect(fixture.batch().count == 1)
    #expect(fixture.complete(id, .deferred) == .kept(next: Fixture.start + .seconds(10)))
  }

  @Test("the step grows until the time lies in the future")
  func stepsOverAnOutage() {
    let fixture = Fixture()
    let id = fixture.add(1)
    fixture.pass(10_000)
    #expect(fixture.batch().count == 1)
    #expect(fixture.complete(id, .deferred) == .kept(next: Fixture.start + .seconds(14_400)))
  }

  @Test("an envelope found at the start is due by its number of tries")
  func insertedWithTries() {
    let fixture = Fixture()
    let later = fixture.add(1) { $0.tries = 2 }
    let overdue = fixture.add(2) {
      $0.tries = 2
      $0.created = Fixture.start - .seconds(5000)
    }
    #expect(fixture.batch().map(\.envelopes) == [[overdue]])
    #expect(fixture.status(later)?.nextTry == Fixture.start + .seconds(1600))
  }

  @Test("jitter only puts off, by at most a sixteenth, and is the same for a whole transaction")
  func jitter() {
    let fixture = Fixture { $0.jitterMax = 300 }
    var waits: [Int64] = []
    for message in UInt32(1)...200 {
      let ids = [fixture.add(message, 1), fixture.add(message, 2)]
      #expect(fixture.batch().map(\.envelopes) == [ids])
      let answers = ids.map { fixture.complete($0, .deferred) }
      #expect(answers[0] == answers[1])
      guard case .kept(let next?) = answers[0] else { continue }
      waits.append((next - Fixture.start).wholeSeconds)
    }
    #expect(waits.count == 200)
    #expect(waits.allSatisfy { 400...425 ~= $0 })
    #expect(Set(waits).count > 10)
  }

  @Test("FUTURERELEASE holds the first try back")
  func holdUntil() {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.holdUntil = Fixture.start + .milliseconds(90_500) }
    fixture.pass(90)
    #expect(fixture.batch().isEmpty)
    fixture.pass(1)
    #expect(fixture.batch().map(\.envelopes) == [[id]])
  }

  @Test("a huge number of tries and times beyond 2106 do not overflow")
  func extremes() throws {
    let fixture = Fixture()
    let id = fixture.add(1) {
      $0.tries = .max
      $0.created = Instant(milliseconds: .max)
      $0.expiry = Instant(milliseconds: .max)
    }
    let other = fixture.add(2) {
      $0.created = Instant(milliseconds: .min)
      $0.expiry = Instant(milliseconds: .min)
      $0.tries = .max
    }
    #expect(fixture.state(id) == .pending)
    #expect(fixture.expired(10) == [other])
    try fixture.scheduler.checkInvariants()
  }
}
