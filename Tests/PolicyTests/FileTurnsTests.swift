// SPDX-License-Identifier: ISC

import Policy
import Testing

@Suite("Whose file is read next") struct FileTurnsTests {
  /// What was begun and what was refused, by what the works are called.
  private struct Desk {
    var turns: FileTurns<String>
    var reading: [String] = []
    /// Who reads, in order.
    private var readers: [(user: UInt32, reader: FileTurns<String>.Reader)] = []
    private var users: [String: UInt32] = [:]
    var refused: [String] = []

    init(_ limits: FileTurns<String>.Limits = FileTurns<String>.Limits()) {
      turns = FileTurns(limits)
    }

    mutating func ask(_ work: String, of user: UInt32, at now: Int64 = 0) {
      users[work] = user
      take(turns.asked(work, of: user, at: now))
    }

    /// The one that was begun first of a user's is done.
    mutating func done(of user: UInt32, at now: Int64 = 0) {
      guard let place = readers.firstIndex(where: { $0.user == user }) else {
        Issue.record("nothing of \(user) is read")
        return
      }
      take(turns.done(readers.remove(at: place).reader, at: now))
    }

    mutating func look(at now: Int64) { take(turns.looked(at: now)) }

    private mutating func take(_ steps: [FileTurns<String>.Step]) {
      for step in steps {
        switch step {
        case .read(let work, let reader):
          reading.append(work)
          readers.append((users[work] ?? 0, reader))
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

  @Test(
    "users who stop their readers keep others waiting for a second, and their own files for as long as they do"
  )
  func stopped() {
    var desk = Desk()
    for user in (1...4 as ClosedRange<UInt32>) {
      for number in 0..<4 { desk.ask("\(user).\(number)", of: user, at: 10) }
    }
    #expect(desk.reading.count == 8)
    // Nobody who may have one more waits: there is nothing to look for.
    #expect(desk.turns.nextLook == nil)
    desk.ask("a", of: 5, at: 500)
    #expect(desk.reading.count == 8)
    #expect(desk.turns.nextLook == 1010)
    desk.look(at: 1009)
    #expect(desk.reading.count == 8)
    desk.look(at: 1010)
    #expect(desk.reading.dropFirst(8) == ["a"])
    for user in (6...12 as ClosedRange<UInt32>) { desk.ask("\(user)", of: user, at: 1011) }
    #expect(desk.reading.dropFirst(8) == ["a", "6", "7", "8", "9", "10", "11", "12"])
    // A place of those that are quick is free, and none of theirs.
    desk.done(of: 5, at: 1020)
    desk.look(at: 1020)
    #expect(desk.reading.count == 16)
    desk.ask("b", of: 5, at: 1021)
    #expect(desk.reading.last == "b")
    // One of the first is given up: its user has one more, as soon as there is a place.
    desk.done(of: 1, at: 1100)
    #expect(desk.reading.last == "b")
    desk.done(of: 6, at: 1101)
    #expect(desk.reading.last == "1.2")
    #expect(desk.refused == [])
  }

  @Test("with those that take long, too, there are so many readers and no more")
  func readersInAll() {
    var limits = FileTurns<String>.Limits()
    limits.readers = 2
    limits.readersOfUser = 1
    limits.readersInAll = 4
    var desk = Desk(limits)
    for user in (1...6 as ClosedRange<UInt32>) { desk.ask("\(user)", of: user) }
    #expect(desk.reading == ["1", "2"])
    desk.look(at: 1000)
    #expect(desk.reading == ["1", "2", "3", "4"])
    #expect(desk.turns.nextLook == nil)
    desk.look(at: 2000)
    #expect(desk.reading == ["1", "2", "3", "4"])
    desk.done(of: 1, at: 2500)
    #expect(desk.reading == ["1", "2", "3", "4", "5"])
    desk.done(of: 5, at: 2501)
    #expect(desk.reading == ["1", "2", "3", "4", "5", "6"])
  }
}
