// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Policy

@Suite struct ExpansionTurnsTests {
  private typealias Turns = ExpansionTurns

  private static func session(_ address: UInt32, _ number: UInt64 = 1) -> Turns.Session {
    Turns.Session(Turns.Client(at: .inet4(address)), edge: 1, number: number)
  }

  /// Turns with one expansion for each of the sessions, numbered from 1.
  private static func turns(
    _ sessions: [Turns.Session],
    _ limits: Turns.Limits = Turns.Limits(patience: 60_000)
  ) -> Turns {
    var turns = Turns(limits)
    for (index, session) in sessions.enumerated() {
      #expect(turns.add(UInt64(index + 1), of: session, at: 0) == true)
    }
    return turns
  }

  /// The numbers of the next turns, each of which costs that much and ends its expansion.
  private static func order(_ turns: inout Turns, cost: Int) -> [UInt64] {
    var order: [UInt64] = []
    while let turn = turns.next(at: 0) {
      order.append(turn.number)
      turns.end(turn.number)
      turns.used(cost)
    }
    return order
  }

  @Test("clients take turns, and within a client its sessions; a session's come in their order")
  func order() {
    let a = Self.session(1, 1)
    let b = Self.session(1, 2)
    let c = Self.session(2, 3)
    var turns = Self.turns([a, a, a, b, b, c, c])
    #expect(Self.order(&turns, cost: 64) == [1, 6, 4, 7, 2, 5, 3])
    #expect(turns.count == 0)
  }

  @Test("what costs little shares a turn of its client")
  func effort() {
    let a = Self.session(1)
    let b = Self.session(2)
    var turns = Self.turns([a, a, a, a, b, b])
    #expect(Self.order(&turns, cost: 32) == [1, 2, 5, 6, 3, 4])
  }

  @Test("addresses of one IPv6 network are one client")
  func network() {
    let sessions = [UInt64(1), 2, 3].map {
      Turns.Session(Turns.Client(at: .inet6(0x2001_0db8 << 32, $0)), edge: 1, number: $0)
    }
    let other = Turns.Session(Turns.Client(at: .inet6(7, 1)), edge: 1, number: 9)
    var turns = Self.turns(sessions + [other])
    #expect(Self.order(&turns, cost: 64) == [1, 4, 2, 3])
  }

  @Test("one that has more to do shares its turns with what others begin")
  func more() {
    var turns = Self.turns([Self.session(1), Self.session(2), Self.session(2), Self.session(3)])
    var order: [UInt64] = []
    var rest = 6
    while let turn = turns.next(at: 0) {
      order.append(turn.number)
      #expect(turn == .begin(turn.number) || turn == .goOn(1))
      turns.used(64)
      if turn.number == 1, rest > 0 {
        rest -= 1
        turns.hasMore(1)
      } else {
        turns.end(turn.number)
      }
    }
    #expect(order == [1, 2, 4, 1, 3, 1, 1, 1, 1, 1])
  }

  @Test("what has begun goes before what has not, and is woken once")
  func begun() {
    let session = Self.session(1)
    var turns = Self.turns([session, session, session])
    #expect(turns.next(at: 0) == .begin(1))
    turns.used(64)
    #expect(turns.next(at: 0) == .begin(2))
    turns.used(64)
    turns.wake(1)
    turns.wake(1)
    #expect(turns.next(at: 0) == .goOn(1))
    turns.used(64)
    #expect(turns.next(at: 0) == .begin(3))
    turns.used(64)
    #expect(turns.next(at: 0) == nil)
  }

  @Test("beyond the limits nothing is added, of one client and of all, until something ends")
  func limits() {
    var limits = Turns.Limits(patience: 60_000)
    limits.expansions = 3
    limits.expansionsOfClient = 2
    var turns = Turns(limits)
    #expect(turns.add(1, of: Self.session(1, 1), at: 0) == true)
    #expect(turns.add(2, of: Self.session(1, 2), at: 0) == true)
    #expect(turns.add(3, of: Self.session(1, 3), at: 0) == false)
    #expect(turns.add(4, of: Self.session(2), at: 0) == true)
    #expect(turns.add(5, of: Self.session(3), at: 0) == false)
    #expect(turns.count == 3)
    turns.end(2)
    #expect(turns.add(6, of: Self.session(1, 3), at: 0) == true)
    #expect(Self.order(&turns, cost: 64) == [1, 4, 6])
  }

  @Test("a client whose questions are unanswered has no turn, and others have")
  func questions() {
    var limits = Turns.Limits(patience: 60_000)
    limits.questionsOfClient = 2
    let session = Self.session(1)
    var turns = Self.turns([session, session, session, Self.session(2)], limits)
    #expect(turns.next(at: 0) == .begin(1))
    turns.asked(for: session.client)
    turns.asked(for: session.client)
    turns.used(1)
    #expect(turns.next(at: 0) == .begin(4))
    turns.used(1)
    #expect(turns.next(at: 0) == nil)
    // It has ended, and is answered all the same.
    turns.end(1)
    turns.answered(for: session.client)
    #expect(turns.next(at: 0) == .begin(2))
    turns.used(1)
    turns.answered(for: session.client)
    #expect(turns.next(at: 0) == .begin(3))
  }

  @Test("of large ones only so many go on; the next one does when one of them ends")
  func large() {
    var limits = Turns.Limits(patience: 60_000)
    limits.large = 2
    limits.largeOfClient = 1
    let first = Self.session(1, 1)
    let second = Self.session(1, 2)
    var turns = Self.turns([first, second, second, Self.session(2), Self.session(3)], limits)
    var begun: Set<UInt64> = []
    while let turn = turns.next(at: 0), begun.insert(turn.number).inserted {
      turns.used(64)
      turns.hasMore(turn.number)
    }
    // The session of a parked one begins no other.
    #expect(begun == [1, 2, 4, 5])
    #expect([1, 2, 4, 5].filter { turns.isParked($0) } == [2, 5])
    turns.end(4)
    #expect(!turns.isParked(5))
    #expect(turns.isParked(2))
    turns.end(1)
    #expect(!turns.isParked(2))
    turns.end(2)
    turns.end(5)
    #expect(turns.next(at: 0) == .begin(3))
  }

  @Test("an answer reaches one that is parked")
  func parked() {
    var limits = Turns.Limits(patience: 60_000)
    limits.large = 1
    var turns = Self.turns([Self.session(1), Self.session(2)], limits)
    for number: UInt64 in [1, 2] {
      #expect(turns.next(at: 0) == .begin(number))
      turns.used(64)
      turns.hasMore(number)
    }
    #expect(turns.next(at: 0) == .goOn(1))
    turns.used(64)
    #expect(turns.next(at: 0) == nil)
    turns.wake(2)
    #expect(turns.next(at: 0) == .goOn(2))
    turns.used(1)
    turns.hasMore(2)
    #expect(turns.next(at: 0) == nil)
    turns.end(1)
    #expect(turns.next(at: 0) == .goOn(2))
  }

  @Test("one that came a minute ago is dropped, whether it has begun or not")
  func overdue() {
    let session = Self.session(1)
    var turns = Self.turns([session, session])
    #expect(turns.next(at: 59_999) == .begin(1))
    turns.used(1)
    turns.wake(1)
    #expect(turns.next(at: 60_000) == .drop(1))
    turns.end(1)
    turns.used(1)
    #expect(turns.next(at: 60_000) == .drop(2))
    turns.end(2)
    turns.used(1)
    #expect(turns.next(at: 60_000) == nil)
    #expect(turns.count == 0)
  }

  @Test("a session's expansions are found and ended in every state, and nothing is left of it")
  func session() {
    let session = Self.session(1)
    let other = Self.session(1, 2)
    var turns = Self.turns([session, other, session, session])
    #expect(turns.next(at: 0) == .begin(1))
    turns.used(64)
    turns.wake(1)
    #expect(turns.expansions(of: session) == [1, 3, 4])
    for number in turns.expansions(of: session) { turns.end(number) }
    #expect(turns.expansions(of: session).isEmpty)
    #expect(turns.next(at: 0) == .begin(2))
    turns.end(2)
    turns.used(64)
    #expect(turns.next(at: 0) == nil)
    #expect(turns.isEmpty)
  }

  @Test("whatever happens in whatever order, each has its turns until it ends, and nothing is left")
  func random() {
    for seed in UInt64(1)...10 {
      var world = TurnsWorld(seed: seed)
      world.run()
    }
  }
}

/// Drives turns at random, as a desk would, and sees that nobody is forgotten.
private struct TurnsWorld {
  private var turns: ExpansionTurns
  private var state: UInt64
  private var alive: Set<UInt64> = []
  /// Who has asked, and waits.
  private var asked: [(UInt64, ExpansionTurns.Client)] = []
  private var clients: [UInt64: ExpansionTurns.Client] = [:]

  init(seed: UInt64) {
    var limits = ExpansionTurns.Limits(patience: 60_000)
    limits.questionsOfClient = 3
    limits.large = 3
    limits.largeOfClient = 2
    turns = ExpansionTurns(limits)
    state = seed &* 0x9e37_79b9_7f4a_7c15
  }

  /// Below the bound.
  private mutating func random(_ bound: UInt64) -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state % bound
  }

  mutating func run() {
    var number: UInt64 = 0
    for _ in 0..<1000 {
      switch random(4) {
      case 0:
        number += 1
        let client = ExpansionTurns.Client(at: .inet4(UInt32(random(4))))
        let session = ExpansionTurns.Session(client, edge: 1, number: random(3))
        if turns.add(number, of: session, at: 0) { alive.insert(number) }
        clients[number] = client
      case 1: answer()
      default: take()
      }
    }
    var rest = 100_000
    while !alive.isEmpty, rest > 0 {
      rest -= 1
      if !take() { answer() }
    }
    while !asked.isEmpty { answer() }
    _ = turns.next(at: 0)
    #expect(alive.isEmpty)
    #expect(turns.isEmpty)
  }

  private mutating func answer() {
    guard !asked.isEmpty else { return }
    let (number, client) = asked.remove(at: Int(random(UInt64(asked.count))))
    turns.answered(for: client)
    turns.wake(number)
  }

  @discardableResult
  private mutating func take() -> Bool {
    guard let turn = turns.next(at: 0) else { return false }
    let number = turn.number
    if !alive.contains(number) { Issue.record("a turn of \(number), which has ended") }
    defer { turns.used(Int(random(100)) + 1) }
    let owed = asked.contains { $0.0 == number }
    switch random(4) {
    case 0:
      turns.end(number)
      alive.remove(number)
    case 1:
      if let client = clients[number] {
        asked.append((number, client))
        turns.asked(for: client)
      }
    case 2: turns.hasMore(number)
    // It waits for an answer, or there would be nothing to wake it.
    default: if !owed { turns.hasMore(number) }
    }
    return true
  }
}
