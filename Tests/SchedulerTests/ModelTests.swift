// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Scheduler

/// Random events against the scheduler and against its plain model; both must agree at every step.
@Suite("Against a plain model")
struct ModelTests {
  @Test("random events leave both in the same state", arguments: UInt64(1)...12)
  func random(seed: UInt64) throws {
    var run = Run(seed: seed)
    for _ in 0..<1500 { try run.step() }
    try run.drain()
  }
}

private struct Run {
  let fixture = Fixture { $0.hold = 6 }
  var model = NaiveScheduler(now: Fixture.start.seconds)
  var random: SplitMix
  var messages: UInt32 = 0
  var blocked: [String: Int64] = [:]

  init(seed: UInt64) { random = SplitMix(seed: seed) }

  mutating func step() throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<18: insert()
    case 18..<30: pass()
    case 30..<52: try dispatch()
    case 52..<58: expire()
    case 58..<82: complete()
    case 82..<86: schedule()
    case 86..<89: remove()
    case 89..<93: suspendOrResume()
    case 93..<95: pauseOrResume()
    case 95..<98: release()
    default: reassign()
    }
    try compare()
  }

  /// With the pauses over and every flight finished, everything goes in the end.
  mutating func drain() throws {
    for kind in Scheduler.Kind.allCases {
      _ = fixture.resume(kind)
      model.paused.remove(kind)
    }
    for id in model.ids(.suspended) { _ = fixture.resume(id) }
    for _ in 0..<200 where fixture.statistics.envelopes > 0 {
      for id in fixture.scheduler.inFlight() { _ = fixture.complete(id, .finished) }
      _ = fixture.expired(1000)
      _ = fixture.batch()
      for name in fixture.scheduler.holdQueues().map(\.name) { _ = fixture.release(name, .all) }
      fixture.pass(100_000)
      try fixture.scheduler.checkInvariants()
    }
    #expect(fixture.statistics.envelopes == 0)
    #expect(fixture.statistics.destinations == 0)
    #expect(fixture.nextDue == nil)
  }

  private mutating func anyone() -> EnvelopeID? {
    model.items.keys.sorted().randomElement(using: &random)
  }

  private mutating func insert() {
    messages += 1
    let kind = Scheduler.Kind.allCases[Int.random(in: 0..<3, using: &random)]
    for low in 1...UInt32.random(in: 1...4, using: &random) {
      let name = "d\(Int.random(in: 0..<5, using: &random))"
      var item = NaiveScheduler.Item(
        kind: kind,
        destination: name,
        created: model.now - Int64.random(in: 0..<2000, using: &random),
        expiry: model.now + Int64.random(in: -10..<20_000, using: &random),
        due: 0
      )
      item.tries = Int64.random(in: 0..<4, using: &random)
      item.due = item.created + NaiveScheduler.base(kind) * item.tries * item.tries
      let id = fixture.add(messages, low, to: name) {
        $0.kind = kind
        $0.created = Instant(seconds: item.created)
        $0.expiry = Instant(seconds: item.expiry)
        $0.tries = UInt16(item.tries)
        if low == 4 {
          $0.holdUntil = fixture.now + .seconds(77)
          item.due = max(item.due, model.now + 77)
        }
        if low == 3 {
          $0.standing = .suspended
          item.isSuspended = true
        }
      }
      model.items[id] = item
      model.wait(id)
    }
  }

  private mutating func pass() {
    let seconds = Int64.random(
      in: 0..<1 << Int64.random(in: 1..<13, using: &random),
      using: &random
    )
    fixture.pass(seconds)
    model.now += seconds
    fixture.scheduler.advance(to: fixture.now)
    model.settle()
  }

  private mutating func dispatch() throws {
    let room = Int.random(in: 0..<30, using: &random)
    let batch = fixture.batch(room)
    #expect(batch.reduce(0) { $0 + $1.envelopes.count } <= room)
    #expect(batch.count { $0.company == .alone } <= 1)
    for dispatch in batch {
      for id in dispatch.envelopes {
        let item = try #require(model.items[id])
        #expect(item.state == .scheduled && item.expiry > model.now)
        #expect(!model.paused.contains(item.kind))
        #expect(item.destination == dispatch.destination && item.kind == dispatch.kind)
        #expect(id.message == dispatch.message)
        #expect(item.isAlone == (dispatch.company == .alone))
        model.items[id]?.state = .inFlight
      }
    }
    // What expired while it was scheduled is found when its turn comes.
    for (id, item) in model.items where item.state == .scheduled && item.expiry <= model.now {
      if fixture.state(id) == .expired { model.items[id]?.state = .expired }
    }
    guard batch.isEmpty, room > 0 else { return }
    let ready = model.items.values.filter {
      $0.state == .scheduled && !model.paused.contains($0.kind) && !$0.isAlone
    }
    #expect(ready.isEmpty, "something was due and not handed out")
  }

  private mutating func expire() {
    let expired = fixture.expired(5)
    #expect(Set(expired).isSubset(of: model.ids(.expired)))
    #expect(expired.count == min(5, model.ids(.expired).count))
    for id in expired {
      model.items[id]?.state = .inFlight
      model.items[id]?.isAlone = false
      model.items[id]?.isExpiring = true
    }
  }

  private mutating func complete() {
    guard let id = model.ids(.inFlight).sorted().randomElement(using: &random),
      let item = model.items[id]
    else { return }
    let choice = Int.random(in: 0..<10, using: &random)
    let expiry = fixture.now + .seconds(5000)
    let outcome: Scheduler.Outcome =
      switch choice {
      case 0..<3: .finished
      case 3..<6: .deferred
      case 6: .becameBounce(destination: "b", expiry: expiry)
      case 7: .held(under: "h")
      case 8: .returned(.any)
      default: .returned(.alone)
      }
    let answer = fixture.complete(id, outcome)
    model.items[id]?.isExpiring = false
    if item.isRemoved {
      #expect(answer == .removed(model.erase(id)))
      return
    }
    switch outcome {
    case .finished:
      #expect(answer == .gone(model.erase(id)))
      return
    case .deferred where item.isExpiring:
      model.items[id]?.expiry = model.now + 10
      model.items[id]?.due = model.now + 10
    case .deferred:
      model.items[id]?.tries += 1
      model.items[id]?.isAlone = false
      model.deferred(id, base: nil)
    case .becameBounce:
      model.items[id] = NaiveScheduler.Item(
        kind: .bounce,
        destination: "b",
        created: model.now,
        expiry: expiry.seconds,
        due: model.now + 1,
        isSuspended: item.isSuspended
      )
    case .held:
      hold(id)
      return
    case .returned(let company):
      model.items[id]?.due = model.now
      model.items[id]?.isAlone = company == .alone
    }
    model.wait(id)
  }

  private mutating func hold(_ id: EnvelopeID) {
    guard let item = model.items[id] else { return }
    if item.isSuspended {
      model.items[id]?.due = model.now
      model.wait(id)
    } else if model.items.values.count(where: { $0.state == .held }) >= 6 {
      model.deferred(id, base: 3)
      model.wait(id)
    } else {
      model.items[id]?.state = .held
      model.settle()
    }
  }

  private mutating func schedule() {
    guard let id = anyone(), let state = model.items[id]?.state else { return }
    let answer = fixture.schedule(id)
    guard [.pending, .held, .suspended].contains(state) else {
      #expect(answer == .unchanged)
      return
    }
    #expect(answer == .changed)
    model.items[id]?.due = model.now
    model.items[id]?.state = .pending
    model.settle()
  }

  private mutating func remove() {
    guard let id = anyone(), let state = model.items[id]?.state else { return }
    let answer = fixture.remove(id)
    if state == .inFlight {
      #expect(answer == .marked)
      model.items[id]?.isRemoved = true
    } else {
      #expect(answer == .removed(model.erase(id)))
    }
  }

  private mutating func suspendOrResume() {
    guard let id = anyone(), let item = model.items[id] else { return }
    if Bool.random(using: &random) {
      _ = fixture.suspend(id)
      switch item.state {
      case .suspended, .expired: return
      case .inFlight: model.items[id]?.isSuspended = true
      case .held:
        model.items[id]?.due = model.now
        fallthrough
      case .pending, .scheduled:
        model.items[id]?.isSuspended = true
        model.items[id]?.state = .suspended
      }
    } else {
      #expect(fixture.resume(id) == (item.isSuspended ? .changed : .unchanged))
      model.items[id]?.isSuspended = false
      if item.state == .suspended { model.wait(id) }
    }
  }

  private mutating func pauseOrResume() {
    let kind = Scheduler.Kind.allCases[Int.random(in: 0..<3, using: &random)]
    if Int.random(in: 0..<3, using: &random) == 0 {
      _ = fixture.pause(kind)
      model.paused.insert(kind)
    } else {
      _ = fixture.resume(kind)
      model.paused.remove(kind)
    }
  }

  private mutating func release() {
    let held = model.ids(.held)
    #expect(fixture.release("h", .all) == held.count)
    for id in held {
      model.items[id]?.due = model.now
      model.wait(id)
    }
  }

  private mutating func reassign() {
    guard let id = anyone(), let item = model.items[id] else { return }
    let answer = fixture.scheduler.reassign(id, to: .relay, destination: "r", at: fixture.now)
    guard item.state != .inFlight && item.state != .expired else {
      #expect(answer == .unchanged)
      return
    }
    model.items[id]?.kind = .relay
    model.items[id]?.destination = "r"
    if item.state == .held { model.items[id]?.due = model.now }
    guard item.state != .suspended else { return }
    model.items[id]?.state = .pending
    model.settle()
  }

  private func compare() throws {
    try fixture.scheduler.checkInvariants()
    #expect(fixture.statistics.envelopes == model.items.count)
    for (id, item) in model.items {
      let status = try #require(fixture.status(id))
      #expect(status.state == item.state, "\(id)")
      #expect(status.tries == UInt16(item.tries))
      #expect(status.isSuspended == item.isSuspended)
      if let next = status.nextTry { #expect(next == Instant(seconds: item.due), "\(id)") }
    }
    let statistics = fixture.statistics
    #expect(statistics.inFlight == model.ids(.inFlight).count)
    #expect(statistics.pending == model.ids(.pending).count)
    #expect(statistics.scheduled == model.ids(.scheduled).count)
    #expect(statistics.held == model.ids(.held).count)
    #expect(statistics.messages == Set(model.items.keys.map(\.message)).count)
  }
}
