// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@testable import Spooler

@Suite("The parts that a verb for many is done in")
struct BulkPartTests {
  private static func id(_ number: UInt32) throws -> MessageID { try #require(MessageID(number)) }

  /// The parts of a queue whose messages have so many envelopes each.
  private static func parts(_ counts: [Int], most: Int) throws -> [[UInt32]] {
    var all: [MessageID] = []
    for (index, count) in counts.enumerated() {
      all += Array(repeating: try id(UInt32(index + 1)), count: count)
    }
    var rest = all[...]
    var parts: [[UInt32]] = []
    while !rest.isEmpty {
      let part = BulkOperation.part(of: rest, most: most) { $0 }
      try #require(!part.isEmpty)
      parts.append(part.map(\.rawValue))
      rest = rest.dropFirst(part.count)
    }
    return parts
  }

  @Test("no message is in two parts, and none is larger than it must be")
  func whole() throws {
    for counts in [[1, 1, 1, 1, 1], [3, 3, 3], [5], [2, 9, 1], [4, 4], [1, 4, 4, 1], []] {
      for most in 1...6 {
        let parts = try Self.parts(counts, most: most)
        #expect(parts.joined().count == counts.reduce(0, +))
        var seen: Set<UInt32> = []
        for part in parts {
          let messages = Set(part)
          #expect(seen.isDisjoint(with: messages), "\(counts), \(most): \(parts)")
          seen.formUnion(messages)
          #expect(part.count <= most || messages.count == 1, "\(counts), \(most): \(parts)")
        }
      }
    }
  }

  @Test("a message that goes takes its envelopes along in one change")
  func together() throws {
    let one = try Self.id(1)
    let two = try Self.id(2)
    let kept = try #require(EnvelopeID(message: two, low: 1))
    let changes: [Change] = [
      .removeEnvelope(try #require(EnvelopeID(message: one, low: 1))), .removeEnvelope(kept),
      .removeEnvelope(try #require(EnvelopeID(message: one, low: 2))), .removeMessage(one),
    ]
    var left: [String] = []
    for change in BulkOperation.withoutWhatGoesAnyway(changes) {
      switch change {
      case .removeEnvelope(let id): left.append("\(id)")
      case .removeMessage(let id): left.append("\(id)")
      default: left.append("?")
      }
    }
    #expect(left == ["\(kept)", "\(one)"])
  }
}
