// SPDX-License-Identifier: ISC

import ControlProtocol
import Interprocess
import Mail
import Queue
import Testing

/// What an operator asks while the schedule is still being filled.
@Suite("Requests while the queue is being read", .timeLimit(.minutes(1)))
struct EarlyRequestTests {
  private static let body = Array("Subject: x\n\nhello\n".utf8)

  private static func id(_ number: UInt32) throws -> MessageID { try #require(MessageID(number)) }

  /// A queue with three messages of two envelopes, none of which is in the schedule, or due.
  private static func rig() async throws -> QueueRig {
    let mail = try (UInt32(1)...3).map { number in
      let id = try id(number)
      return NewMessage(
        message: QueueRig.message(id, size: body.count),
        envelopes: try (UInt32(1)...2).map { low in
          var envelope = try QueueRig.envelope(id, low)
          envelope.progress.tries = 3
          return envelope
        },
        body: .bytes(body)
      )
    }
    return try await QueueRig(holding: mail, isStuck: true)
  }

  private static func count(_ responses: [ControlResponse]) -> Int? {
    switch responses.last {
    case .count(let count), .removal(let count, inFlight: 0): count
    default: nil
    }
  }

  @Test("verbs by identifier are done at once, and counted as always")
  func byIdentifier() async throws {
    let rig = try await Self.rig()
    var control = try await rig.control()
    let message = Selection(try Self.id(2))
    let envelope = Selection(try #require(EnvelopeID(message: try Self.id(1), low: 2)))
    var number: UInt32 = 0
    for (request, expected) in [
      (ControlRequest.pauseEnvelopes(message, .execute), 2),
      (.pauseEnvelopes(message, .execute), 0),
      (.resumeEnvelopes(message, .dryRun), 2),
      (.resumeEnvelopes(message, .execute), 2),
      (.schedule(envelope, .execute), 1),
      (.remove(envelope, .execute), 1),
      (.remove(envelope, .execute), 0),
      (.schedule(Selection(try Self.id(9)), .execute), 0),
    ] {
      number += 1
      let responses = try await control.answer(number, request)
      #expect(Self.count(responses) == expected, "\(number): \(responses)")
    }
    // The message goes with its last envelope, and not before.
    let body = try await control.answer(20, .showMessage(.message(try Self.id(1))))
    #expect(body.count > 1)
    let rest = Selection(try Self.id(1))
    #expect(Self.count(try await control.answer(21, .remove(rest, .execute))) == 1)
    let gone = try await control.answer(22, .showMessage(.message(try Self.id(1))))
    guard case .failure? = gone.last else {
      Issue.record("\(gone)")
      return
    }
  }

  @Test("what it may have to search for waits, and what comes behind it does not")
  func bySearch() async throws {
    let rig = try await Self.rig()
    var control = try await rig.control()
    let search = try #require(Selection(["sender=s@example.com"]))
    try await control.send(ControlToRole(id: 1, request: .schedule(search, .execute)))
    let named = Selection(try Self.id(3))
    try await control.send(ControlToRole(id: 2, request: .schedule(named, .execute)))
    let first = await control.next { $0.id }
    #expect(first == 2)
  }
}
