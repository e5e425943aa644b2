// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Scheduler

@Suite("Destinations and hold queues")
struct DestinationTests {
  @Test("a dead host costs one probe a block, and opens when the probe is back")
  func probe() throws {
    let fixture = Fixture()
    for message in UInt32(1)...50 { fixture.add(message) }
    let first = fixture.batch(1)[0].envelopes[0]
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(60))
    _ = fixture.complete(first, .deferred)
    #expect(fixture.batch().isEmpty)
    fixture.pass(60)
    let probe = fixture.batch()
    #expect(probe.map(\.envelopes.count) == [1])
    #expect(fixture.batch().isEmpty)
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(60))
    _ = fixture.complete(probe[0].envelopes[0], .deferred)
    fixture.pass(59)
    #expect(fixture.batch().isEmpty)
    fixture.pass(1)
    let second = fixture.batch()
    #expect(second.count == 1)
    _ = fixture.complete(second[0].envelopes[0], .finished)
    #expect(fixture.batch().count == 47)
    try fixture.scheduler.checkInvariants()
  }

  @Test("a probe that died with its role is followed by another")
  func lostProbe() {
    let fixture = Fixture()
    fixture.add(1)
    fixture.add(2)
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(60))
    fixture.pass(60)
    let probe = fixture.batch()
    #expect(fixture.complete(probe[0].envelopes[0], .returned(.any)) == .kept(next: fixture.now))
    #expect(fixture.batch().count == 1)
    #expect(fixture.batch().isEmpty)
  }

  @Test("new mail for a blocked destination waits, even when it had none left")
  func blockOutlivesEnvelopes() throws {
    let fixture = Fixture()
    let id = fixture.add(1)
    #expect(fixture.batch().count == 1)
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(60))
    #expect(fixture.complete(id, .finished) == .gone(.none))
    fixture.add(2)
    #expect(fixture.batch().isEmpty)
    #expect(
      fixture.destinations.map(\.blockedUntil) == [
        fixture.now + .seconds(60)
      ]
    )
    #expect(fixture.statistics.blockedDestinations == 1)
    fixture.scheduler.unblock(.relay, "example.org")
    #expect(fixture.batch().count == 1)
    try fixture.scheduler.checkInvariants()
  }

  @Test("a block that is made longer again and again takes no more room, and one made shorter ends")
  func repeatedBlocks() {
    let fixture = Fixture()
    fixture.add(1)
    for seconds in Int64(60)...1000 {
      fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(seconds))
    }
    #expect(fixture.scheduler.destinations.pendingBlocks == 1)
    fixture.pass(999)
    #expect(fixture.batch().isEmpty)
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(500))
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(5))
    fixture.pass(5)
    #expect(fixture.batch().count == 1)
  }

  @Test("a block without envelopes is forgotten when it ends")
  func forgotten() {
    let fixture = Fixture()
    let id = fixture.add(1)
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(60))
    #expect(fixture.remove(id) == .removed(.none))
    #expect(fixture.statistics.destinations == 1)
    fixture.pass(60)
    fixture.scheduler.advance(to: fixture.now)
    #expect(fixture.statistics.destinations == 0)
  }

  @Test("the operator's schedule lets that envelope probe a blocked destination")
  func scheduleProbes() {
    let fixture = Fixture()
    fixture.add(1)
    let chosen = fixture.add(2)
    fixture.scheduler.block(.relay, "example.org", until: fixture.now + .seconds(60))
    #expect(fixture.schedule(chosen) == .changed)
    #expect(fixture.batch().map(\.envelopes) == [[chosen]])
  }

  @Test("held envelopes come back as many as are released, the oldest first")
  func release() throws {
    let fixture = Fixture()
    let ids = (UInt32(1)...5).map { fixture.add($0) }
    #expect(fixture.batch().count == 5)
    for id in ids { #expect(fixture.complete(id, .held(under: "r")) == .held) }
    #expect(fixture.batch().isEmpty)
    #expect(fixture.holdQueueLengths == [5])
    #expect(fixture.release("r", .first(2)) == 2)
    #expect(fixture.batch().flatMap(\.envelopes) == Array(ids[..<2]))
    #expect(fixture.release("other", .all) == 0)
    #expect(fixture.release("r", .allLater) == 3)
    #expect(fixture.batch().isEmpty)
    fixture.pass(400)
    #expect(fixture.batch().count == 3)
    try fixture.scheduler.checkInvariants()
  }

  @Test("what is released costs, and not what stays")
  func releaseFew() throws {
    let fixture = Fixture {
      $0.hold = .max; $0.inFlight = .max
    }
    for message in UInt32(1)...100_000 {
      let id = fixture.add(message)
      _ = fixture.batch(1)
      _ = fixture.complete(id, .held(under: "r"))
    }
    for _ in 0..<100 { #expect(fixture.release("r", .first(10)) == 10) }
    #expect(fixture.scheduler.holds.looks == 1000)
    #expect(fixture.statistics.held == 99_000)
    #expect(fixture.release("r", .all) == 99_000)
    #expect(fixture.scheduler.holds.looks == 100_000)
  }

  @Test("a full destination gets no more, and delays no other")
  func full() throws {
    let fixture = Fixture()
    for message in UInt32(1)...3 { fixture.add(message) }
    fixture.scheduler.set(room: 0, of: .relay, "example.org")
    #expect(fixture.batch().isEmpty)
    fixture.add(9, to: "example.net")
    #expect(fixture.batch().map(\.destination) == ["example.net"])
    try fixture.scheduler.checkInvariants()
    fixture.scheduler.set(room: 2, of: .relay, "example.org")
    #expect(fixture.batch().count == 2)
    #expect(fixture.batch().isEmpty)
    try fixture.scheduler.checkInvariants()
  }

  @Test("a destination has room for so many dispatches from the start")
  func roomFromTheStart() throws {
    let fixture = Fixture { $0.relayTasks = 2 }
    for message in UInt32(1)...3 { fixture.add(message) }
    for message in UInt32(4)...6 { fixture.add(message, to: "example.net") }
    #expect(fixture.batch().count == 4)
    fixture.scheduler.set(room: 1, of: .relay, "example.net")
    #expect(fixture.batch().map(\.destination) == ["example.net"])
    try fixture.scheduler.checkInvariants()
  }

  @Test("of a message whose envelopes go by themselves there are as many as there is room for")
  func split() throws {
    let fixture = Fixture {
      $0.localTasks = 3
      $0.isSplit = { kind, name in kind == .local && name == "joe" }
    }
    for low in UInt32(1)...5 { fixture.add(1, low, to: "joe") { $0.kind = .local } }
    for low in UInt32(6)...8 { fixture.add(1, low, to: "server") { $0.kind = .local } }
    for low in UInt32(9)...10 { fixture.add(1, low, to: "joe") }
    var batch = fixture.batch()
    #expect(batch.filter { $0.destination == "joe" && $0.kind == .local }.count == 3)
    #expect(batch.map(\.envelopes.count).sorted() == [1, 1, 1, 2, 3])
    #expect(fixture.batch().isEmpty)
    #expect(fixture.state(Fixture.id(1, 4)) == .scheduled)
    try fixture.scheduler.checkInvariants()
    fixture.scheduler.set(room: 1, of: .local, "joe")
    batch = fixture.batch()
    #expect(batch.map(\.envelopes) == [[Fixture.id(1, 4)]])
    fixture.scheduler.set(room: 3, of: .local, "joe")
    #expect(fixture.batch().map(\.envelopes) == [[Fixture.id(1, 5)]])
    try fixture.scheduler.checkInvariants()
  }

  @Test("a full hold queue sends the next back in seconds")
  func overflow() {
    let fixture = Fixture { $0.hold = 2 }
    let ids = (UInt32(1)...3).map { fixture.add($0) }
    #expect(fixture.batch().count == 3)
    #expect(fixture.complete(ids[0], .held(under: "r")) == .held)
    #expect(fixture.complete(ids[1], .held(under: "r")) == .held)
    let answer = fixture.complete(ids[2], .held(under: "r"))
    #expect(answer == .kept(next: fixture.now + .seconds(3)))
    #expect(fixture.statistics.holdOverflowTotal == 1)
    #expect(fixture.status(ids[2])?.tries == 0)
  }

  @Test("an envelope may begin held, and be given another action")
  func reassign() throws {
    let fixture = Fixture()
    let id = fixture.add(1) { $0.standing = .held("no action \"old\"") }
    #expect(fixture.status(id)?.holdQueue == "no action \"old\"")
    let moved = fixture.scheduler.reassign(id, to: .local, destination: "joe", at: fixture.now)
    #expect(moved == .changed)
    let batch = fixture.batch()
    #expect(batch.map(\.kind) == [.local])
    #expect(batch.map(\.destination) == ["joe"])
    #expect(fixture.statistics.destinations == 1)
    try fixture.scheduler.checkInvariants()
  }
}
