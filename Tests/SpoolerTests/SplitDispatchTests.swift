// SPDX-License-Identifier: ISC

import Interprocess
import Mail
import Queue
import Testing

@Suite("Deliveries to one user", .timeLimit(.minutes(1)))
struct SplitDispatchTests {
  /// Hands in a message that one user gets in so many ways. Returns its identifier.
  private static func submit(
    _ deliveries: UInt32,
    _ frontend: inout FrontendPeer,
    _ lookup: LookupPeer
  ) async throws -> MessageID {
    let id = try await QueueServiceTests.block(&frontend)
    var tally = EnvelopeTally()
    var envelopes: [Envelope] = []
    for low in 1...deliveries {
      var envelope = try QueueRig.envelope(id, low)
      envelope.kind = .local(LocalDelivery(user: "joe"))
      envelope.action = "in"
      tally.add(envelope.id)
      envelopes.append(envelope)
    }
    try await lookup.send(.envelopes(envelopes))
    let body = QueueServiceTests.body
    try await frontend.send(.body(id, body))
    try await frontend.send(
      .submit(QueueRig.message(id, size: body.count), envelopes: tally, edge: .max)
    )
    let isStored = await frontend.next { message -> Bool? in
      switch message {
      case .stored(id): true
      case .refused(id, _): false
      default: nil
      }
    }
    #expect(isStored == true)
    return id
  }

  /// The next task, or nil: an outcome is recorded.
  private static func next(
    _ delivery: inout DeliveryPeer
  ) async throws -> QueueServiceTests.Task? {
    let message = await delivery.next { message -> QueueServiceTests.Task?? in
      switch message {
      case .deliver(let id, _, let envelopes, let body):
        QueueServiceTests.Task(id: id, envelopes: envelopes, body: body)
      case .recorded: .some(nil)
      default: nil
      }
    }
    return try #require(message)
  }

  private static func report(
    _ task: QueueServiceTests.Task,
    _ delivery: DeliveryPeer
  ) async throws {
    let report = DeliveryReport(.delivered, text: "so")
    let id = task.envelopes[0].id
    try await delivery.send(.report(task: task.id, [EnvelopeReport(envelope: id, report: report)]))
  }

  @Test("of more than delivery takes for a user the rest stays until there is room, and all goes")
  func room() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let id = try await Self.submit(70, &frontend, lookup)
    var delivery = try await rig.delivery()
    var begun: Set<EnvelopeID> = []
    var open: [QueueServiceTests.Task] = []
    var recorded = 0
    while recorded < 70 {
      let task = try await Self.next(&delivery)
      if let task {
        #expect(task.envelopes.count == 1 && task.body == QueueServiceTests.body)
        #expect(begun.insert(task.envelopes[0].id).inserted)
        open.append(task)
      } else {
        recorded += 1
      }
      // Whatever was sent beyond the limit would be here before the first report is recorded.
      if recorded == 1, task == nil { #expect(begun.count == 51) }
      let mayReport = recorded > 0 ? begun.count > 50 : begun.count == 50
      if mayReport, !open.isEmpty { try await Self.report(open.removeFirst(), delivery) }
    }
    #expect(begun.count == 70)
    #expect(try await !QueueServiceTests.isStored(id, rig))
  }
}
