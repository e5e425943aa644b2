// SPDX-License-Identifier: ISC

import ControlProtocol
import Interprocess
import Mail
import Queue
import Testing

/// What an operator is told of an envelope that delivery has.
@Suite("Envelopes in flight, as they are shown", .timeLimit(.minutes(1)))
struct FlightTests {
  private static let body = Array("Subject: x\n\nhello\n".utf8)

  /// A queue that was started over one message of one envelope.
  private static func rig(isStuck: Bool) async throws -> (QueueRig, EnvelopeID) {
    let id = try #require(MessageID(1))
    let mail = NewMessage(
      message: QueueRig.message(id, size: body.count),
      envelopes: [try QueueRig.envelope(id)],
      body: .bytes(body)
    )
    return (try await QueueRig(holding: [mail], isStuck: isStuck), mail.envelopes[0].id)
  }

  /// Where the envelope is shown to be, once that holds.
  private static func place(
    of id: EnvelopeID,
    _ control: inout ControlPeer,
    when holds: (EnvelopePlace) -> Bool
  ) async throws -> EnvelopePlace {
    var last: EnvelopePlace?
    for number: UInt32 in 1...100 {
      let answer = try await control.answer(number, .showEnvelope(id))
      if case .envelopes(let rows)? = answer.first, let place = rows.first?.place {
        if holds(place) { return place }
        last = place
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("\(String(describing: last))")
    return try #require(last)
  }

  @Test("an envelope in flight has its task and since when, and one that is back has neither")
  func task() async throws {
    let (rig, id) = try await Self.rig(isStuck: false)
    let began = Clock.now()
    var delivery = try await rig.delivery()
    var control = try await rig.control()
    let task = try await QueueServiceTests.task(&delivery)
    let flying = try await Self.place(of: id, &control) { $0.state == .inflight }
    #expect(flying.inflightTask == task.id)
    let since = try #require(flying.inflightSince)
    #expect(since.seconds >= began.seconds && since <= Clock.now())
    let report = DeliveryReport(.temporary, text: "421 later")
    try await delivery.send(
      .report(task: task.id, [EnvelopeReport(envelope: id, report: report)])
    )
    let back = try await Self.place(of: id, &control) { $0.state != .inflight }
    #expect(back.inflightTask == nil && back.inflightSince == nil)
  }

  @Test(
    "what an earlier process of the queue dispatched has its task, before the store is read and after"
  )
  func earlier() async throws {
    let (rig, id) = try await Self.rig(isStuck: true)
    let delivery = try await rig.delivery(inHand: [5: [id]])
    var control = try await rig.control()
    let before = try await Self.place(of: id, &control) { $0.state == .inflight }
    #expect(before.inflightTask == 5 && before.inflightSince == nil)
    rig.letGo()
    let after = try await Self.place(of: id, &control) { $0.inflightSince != nil }
    #expect(after.state == .inflight && after.inflightTask == 5)
    try await delivery.close()
  }
}
