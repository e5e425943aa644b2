// SPDX-License-Identifier: ISC

import Supervisor
import Testing

@Suite("Whose file is read next") struct FileTurnsTests {
  /// What was begun and what was refused, by what the works are called.
  private struct Desk {
    var turns: FileTurns<String>
    var reading: [String] = []
    var refused: [String] = []

    init(_ limits: FileTurns<String>.Limits = FileTurns<String>.Limits()) {
      turns = FileTurns(limits)
    }

    mutating func ask(_ work: String, of user: UInt32, at now: Int64 = 0) {
      take(turns.asked(work, of: user, at: now))
    }

    mutating func done(of user: UInt32, at now: Int64 = 0) { take(turns.done(of: user, at: now)) }

    private mutating func take(_ steps: [FileTurns<String>.Step]) {
      for step in steps {
        switch step {
        case .read(let work): reading.append(work)
        case .refuse(let work): refused.append(work)
        }
      }
    }
  }

  @Test("one user's files have two readers, however many there are, and another's begin at once")
  func share() {
    var desk = Desk()
    for number in 0..<60 { desk.ask("a\(number)", of: 1) }
    #expect(desk.reading == ["a0", "a1"])
    for user in (2..<8 as Range<UInt32>) { desk.ask("\(user)", of: user) }
    #expect(desk.reading == ["a0", "a1"] + (2..<8).map { "\($0)" })
    #expect(desk.refused == [])
  }

  @Test("when all readers are busy, users have turns")
  func turns() {
    var desk = Desk()
    for user in (1...4 as ClosedRange<UInt32>) {
      for number in 0..<4 { desk.ask("\(user).\(number)", of: user) }
    }
    desk.ask("5", of: 5)
    #expect(desk.reading.count == 8)
    desk.done(of: 1)
    // Who has none goes first.
    #expect(desk.reading.last == "5")
    desk.done(of: 2)
    #expect(desk.reading.last == "1.2")
    desk.done(of: 5)
    #expect(desk.reading.last == "2.2")
  }

  @Test("what is too much of one user, or of all, is refused, and only that")
  func limits() {
    var limits = FileTurns<String>.Limits()
    limits.readers = 2
    limits.readersOfUser = 1
    limits.waitingOfUser = 3
    limits.waiting = 4
    var desk = Desk(limits)
    for number in 0..<5 { desk.ask("a\(number)", of: 1) }
    #expect(desk.refused == ["a4"])
    desk.ask("b0", of: 2)
    desk.ask("b1", of: 2)
    #expect(desk.reading == ["a0", "b0"])
    desk.ask("b2", of: 2)
    #expect(desk.refused == ["a4", "b2"])
    for user in [1, 1, 2, 1] as [UInt32] { desk.done(of: user) }
    #expect(desk.reading == ["a0", "b0", "a1", "a2", "b1", "a3"])
  }

  @Test("virtual users who share one have their files read, many at once")
  func shared() {
    var desk = Desk()
    for number in 0..<1000 { desk.ask("a\(number)", of: 1) }
    for _ in 0..<1000 { desk.done(of: 1) }
    #expect(desk.refused.isEmpty)
    #expect(desk.reading == (0..<1000).map { "a\($0)" })
  }

  @Test("what has waited until nobody wants to know it is not read")
  func patience() {
    var desk = Desk()
    for number in 0..<4 { desk.ask("a\(number)", of: 1, at: Int64(number)) }
    desk.done(of: 1, at: 20_002)
    #expect(desk.refused == ["a2"])
    #expect(desk.reading == ["a0", "a1", "a3"])
  }
}
