// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Lookup

@Suite("Room for the envelopes of a transaction")
struct TransactionRoomsTests {
  @Test("recipients that are asked about together share it; one too large takes nothing")
  func together() throws {
    let rooms = TransactionRooms()
    let id = try #require(MessageID(7))
    let questions = [0, 1, 2].map { _ in rooms.room(of: id, left: 10) }
    #expect(questions[0].take(6))
    #expect(!questions[1].take(5))
    #expect(questions[2].take(4))
    #expect(!questions[0].take(1))
    let other = rooms.room(of: try #require(MessageID(8)), left: 10)
    #expect(other.take(10))
  }

  @Test("what the frontend knows makes it smaller, not larger, until all are answered")
  func told() throws {
    let rooms = TransactionRooms()
    let id = try #require(MessageID(7))
    var first: TransactionRooms.Room? = rooms.room(of: id, left: 10)
    #expect(first?.take(6) == true)
    var second: TransactionRooms.Room? = rooms.room(of: id, left: 10)
    #expect(second?.take(5) == false)
    first = nil
    var third: TransactionRooms.Room? = rooms.room(of: id, left: 1)
    #expect(second?.take(2) == false)
    #expect(rooms.count == 1)
    (second, third) = (nil, nil)
    #expect(rooms.count == 0)
    #expect(rooms.room(of: id, left: 10).take(10))
    _ = (first, second, third)
  }
}
