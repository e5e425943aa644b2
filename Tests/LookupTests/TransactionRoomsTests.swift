// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Lookup

@Suite("Room for the envelopes of a transaction")
struct TransactionRoomsTests {
  private final class TestClock {
    var now: Int64 = 0
  }

  private let clock = TestClock()
  private let rooms: TransactionRooms
  private let id: MessageID

  init() throws {
    rooms = TransactionRooms { [clock] in clock.now }
    id = try #require(MessageID(7))
  }

  @Test("recipients that are asked about together share it; one too large takes nothing")
  func together() throws {
    let questions = [0, 1, 2].map { _ in rooms.room(of: id, left: 10, known: 0) }
    #expect(questions[0].take(6))
    #expect(!questions[1].take(5))
    #expect(questions[2].take(4))
    #expect(!questions[0].take(1))
    let other = rooms.room(of: try #require(MessageID(8)), left: 10, known: 0)
    #expect(other.take(10))
    #expect(rooms.count == 2)
  }

  @Test("what was taken counts once, whatever the frontend had heard of it when it asked")
  func views() throws {
    for heard in 0...6 {
      let id = try #require(MessageID(UInt32(heard) + 1))
      let first = rooms.room(of: id, left: 10, known: 0)
      #expect(first.take(6))
      let second = rooms.room(of: id, left: 10 - heard, known: heard)
      #expect(!second.take(5), "\(heard)")
      #expect(second.take(4), "\(heard)")
    }
  }

  @Test("it is remembered when all are answered, for questions of an older view")
  func older() {
    #expect(rooms.room(of: id, left: 10, known: 0).take(6))
    #expect(rooms.count == 0)
    clock.now += TransactionRooms.Limits.rest - 1
    #expect(!rooms.room(of: id, left: 10, known: 0).take(5))
    #expect(rooms.room(of: id, left: 10, known: 0).take(3))
    #expect(!rooms.room(of: id, left: 4, known: 6).take(2))
    #expect(rooms.room(of: id, left: 1, known: 9).take(1))
    // Others of its client are over.
    #expect(rooms.room(of: id, left: 90, known: 10).take(90))
  }

  @Test("it is forgotten after a while, or when there are too many others")
  func forgotten() throws {
    #expect(rooms.room(of: id, left: 10, known: 0).take(6))
    let others = try (0..<TransactionRooms.Limits.resting).map {
      try #require(MessageID(UInt32($0) + 8))
    }
    for other in others {
      #expect(rooms.room(of: other, left: 1, known: 0).take(1))
      #expect(rooms.restingCount <= TransactionRooms.Limits.resting)
    }
    #expect(rooms.room(of: id, left: 10, known: 0).take(10))
    let late = try #require(others.last)
    #expect(!rooms.room(of: late, left: 1, known: 0).take(1))
    forget()
    #expect(rooms.restingCount == 2)
    #expect(rooms.room(of: late, left: 1, known: 0).take(1))
    // What the frontend has heard of is known still.
    #expect(!rooms.room(of: id, left: 4, known: 6).take(5))
  }

  /// Two that come later than what they make forgotten.
  private func forget() {
    for number: UInt32 in [1, 2] {
      clock.now += TransactionRooms.Limits.rest
      if let other = MessageID(number) { _ = rooms.room(of: other, left: 1, known: 0).take(1) }
    }
  }
}
