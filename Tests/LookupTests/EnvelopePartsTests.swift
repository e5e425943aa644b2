// SPDX-License-Identifier: ISC

import Interprocess
import Mail
import Policy
import Testing

@testable import Lookup

@Suite("The envelopes of an accepted recipient")
struct EnvelopePartsTests {
  private let rooms = TransactionRooms { 0 }
  private let id: MessageID

  init() throws { id = try #require(MessageID(7)) }

  private func parts(_ count: Int, length: Int = 1) -> EnvelopeParts {
    let all = Address(local: "all", domain: "in.example")
    let drafts = (0..<count).map { number in
      EnvelopeDraft(
        kind: .relay,
        action: "out",
        recipient: all,
        destination: Address(
          local: "\(number)" + String(repeating: "x", count: length),
          domain: "far.example"
        )
      )
    }
    return EnvelopeParts(drafts, of: id, index: 3, created: Instant(seconds: 1))
  }

  /// Turns, those without an envelope among them, and the envelopes; nil: there was no room.
  private func run(
    _ parts: inout EnvelopeParts,
    _ room: TransactionRooms.Room
  ) -> (turns: Int, before: Int, envelopes: [Envelope]?) {
    var result: (turns: Int, before: Int, envelopes: [Envelope]?) = (0, 0, [])
    while !parts.isOver {
      result.turns += 1
      switch parts.next(within: room) {
      case .measured: result.before += 1
      case .noRoom: return (result.turns, result.before, nil)
      case .part(let part):
        #expect(part.count <= ExpansionLimits.slice)
        result.envelopes? += part
      }
    }
    return result
  }

  @Test("no turn measures or makes more than a slice, and none is made before all are measured")
  func turns() {
    let slice = ExpansionLimits.slice
    for (count, before, turns) in [
      (1, 0, 1), (slice, 0, 1), (slice + 1, 1, 3), (10 * slice, 9, 19),
    ] {
      var parts = parts(count)
      let result = run(&parts, rooms.room(of: id, left: 100_000, known: 0))
      #expect((result.before, result.turns) == (before, turns), "\(count)")
      #expect(result.envelopes?.map(\.id) == parts.ids, "\(count)")
      #expect(parts.inUsualLength == count)
    }
  }

  @Test("long ones take as much room as they have memory, to the byte")
  func long() throws {
    var measured = parts(200, length: 1000)
    let free = rooms.room(of: try #require(MessageID(8)), left: 100_000, known: 0)
    let envelopes = try #require(run(&measured, free).envelopes)
    let bytes = envelopes.reduce(0) { $0 + $1.memoryBytes }
    let taken = (bytes + EdgeLimits.usualEnvelope - 1) / EdgeLimits.usualEnvelope
    #expect(taken > 200)
    #expect(measured.inUsualLength == taken)
    #expect(free.has(100_000 - taken) && !free.has(100_000 - taken + 1))
    var tooLong = parts(200, length: 1000)
    #expect(run(&tooLong, rooms.room(of: id, left: taken - 1, known: 0)).envelopes == nil)
    var fitting = parts(200, length: 1000)
    #expect(run(&fitting, rooms.room(of: id, left: taken, known: 0)).envelopes?.count == 200)
  }

  @Test("more than there is room for are refused as soon as that shows")
  func early() {
    var many = parts(10_000)
    let room = rooms.room(of: id, left: 9_999, known: 0)
    #expect(run(&many, room).turns == 1)
    #expect(room.has(9_999))
    var long = parts(1_000, length: 1000)
    let (turns, _, envelopes) = run(&long, rooms.room(of: id, left: 1_000, known: 0))
    #expect(envelopes == nil)
    #expect(turns > 1 && turns < 1_000 / ExpansionLimits.slice)
    #expect(room.has(1_000))
  }

  @Test("what others take while they are measured counts, and what is refused takes nothing")
  func beside() {
    let room = rooms.room(of: id, left: 250, known: 0)
    var first = parts(200)
    guard case .measured = first.next(within: room) else {
      Issue.record("not measured")
      return
    }
    var second = parts(60)
    #expect(run(&second, room).envelopes?.count == 60)
    #expect(run(&first, room).envelopes == nil)
    #expect(room.has(190) && !room.has(191))
  }
}
