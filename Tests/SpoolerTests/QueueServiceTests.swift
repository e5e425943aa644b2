// SPDX-License-Identifier: ISC

import ControlProtocol
import Interprocess
import Mail
import Queue
import Testing

@Suite("Queue role", .timeLimit(.minutes(1)))
struct QueueServiceTests {
  static let body = Array("Subject: x\n\nhello\n".utf8)

  struct Task {
    let id: UInt64
    let envelopes: [Envelope]
    let body: [UInt8]?
  }

  static func block(_ frontend: inout FrontendPeer) async throws -> MessageID {
    try await frontend.send(.reserve)
    let first = await frontend.next { message in
      if case .block(let first, _) = message { first } else { nil }
    }
    return try #require(first)
  }

  /// Hands a message in. Returns the code of the answer: 250 when it is stored.
  static func submit(
    _ id: MessageID,
    _ frontend: inout FrontendPeer,
    _ lookup: LookupPeer
  ) async throws -> UInt16 {
    try #require(try await submitAll([id], &frontend, lookup)[id])
  }

  /// Hands messages in together. Returns the codes of the answers.
  static func submitAll(
    _ ids: [MessageID],
    _ frontend: inout FrontendPeer,
    _ lookup: LookupPeer
  ) async throws -> [MessageID: UInt16] {
    for id in ids {
      try await lookup.send(.envelopes([try QueueRig.envelope(id)]))
      try await frontend.send(.body(id, body))
      try await frontend.send(
        .submit(
          QueueRig.message(id, size: body.count),
          envelopes: try QueueRig.tally(id),
          edge: .max
        )
      )
    }
    var answers: [MessageID: UInt16] = [:]
    while answers.count < ids.count {
      let answer = await frontend.next { message -> (MessageID, UInt16)? in
        switch message {
        case .stored(let id) where ids.contains(id): (id, 250)
        case .refused(let id, let reply) where ids.contains(id): (id, reply.code)
        default: nil
        }
      }
      let (id, code) = try #require(answer)
      answers[id] = code
    }
    return answers
  }

  static func task(_ delivery: inout DeliveryPeer) async throws -> Task {
    let task = await delivery.next { message in
      if case .deliver(let id, _, let envelopes, let body) = message {
        Task(id: id, envelopes: envelopes, body: body)
      } else {
        nil
      }
    }
    return try #require(task)
  }

  static func report(
    _ task: Task,
    _ result: DeliveryReport.Result,
    _ delivery: inout DeliveryPeer
  ) async throws {
    let report = DeliveryReport(result, text: "so")
    let reports = task.envelopes.map { EnvelopeReport(envelope: $0.id, report: report) }
    try await delivery.send(.report(task: task.id, reports))
    let recorded = await delivery.next { message in
      if case .recorded(let ids) = message, ids.contains(task.id) { true } else { nil }
    }
    #expect(recorded == true)
  }

  /// Whether the store has the message, as an operator is told who asks for it.
  static func isStored(_ id: MessageID, _ rig: QueueRig) async throws -> Bool {
    var control = try await rig.control()
    if case .failure? = try await control.answer(1, .showMessage(.message(id))).last {
      return false
    }
    return true
  }

  /// Whether the store has the message of that session, as a frontend is told that comes back.
  static func isAccepted(
    _ id: MessageID,
    of session: SessionID,
    _ rig: QueueRig
  ) async throws -> Bool {
    var frontend = try await rig.frontend()
    try await frontend.send(.reconcile([OwedSubmit(id, of: session)]))
    let isThere = await frontend.next { message -> Bool? in
      switch message {
      case .stored(id): true
      case .refused(id, _): false
      default: nil
      }
    }
    try await frontend.close()
    return try #require(isThere as Bool?)
  }

  @Test("accepted, dispatched with its body, delivered, gone")
  func delivered() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    #expect(try await Self.isAccepted(id, of: SessionID(1), rig))
    #expect(try await !Self.isAccepted(id, of: SessionID(2), rig))
    let task = try await Self.task(&delivery)
    #expect(task.envelopes.map(\.id.message) == [id] && task.body == Self.body)
    #expect(try await Self.isStored(id, rig))
    try await Self.report(task, .delivered, &delivery)
    #expect(try await !Self.isStored(id, rig))
  }

  @Test("a temporary failure keeps it")
  func deferred() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    try await Self.report(try await Self.task(&delivery), .temporary, &delivery)
    #expect(try await Self.isStored(id, rig))
  }

  @Test("a permanent failure becomes a notice that lookup routes and delivery gets")
  func bounced() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    var lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    try await Self.report(try await Self.task(&delivery), .permanent, &delivery)
    let asked = await lookup.next { message in
      if case .route(let token, let message, let recipient) = message {
        (token, message.id, recipient)
      } else {
        nil
      }
    }
    let (token, notice, recipient) = try #require(asked)
    #expect(recipient == QueueRig.sender)
    // Not before the notice is stored.
    #expect(try await Self.isStored(id, rig))
    try await lookup.send(.routing(token: token, [try QueueRig.envelope(notice, 2)]))
    try await lookup.send(.routed(token: token, [try QueueRig.envelope(notice, 3)]))
    let task = try await Self.task(&delivery)
    #expect(Set(task.envelopes.map(\.id.low)) == [2, 3])
    let text = String(decoding: task.body ?? [], as: UTF8.self)
    #expect(text.contains("multipart/report") && text.contains("so"))
    #expect(try await !Self.isStored(id, rig))
  }

  @Test("a delivery that died gives back what it had; one that lives keeps it")
  func reconnected() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var first = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    let task = try await Self.task(&first)
    try await first.close()
    // It lives, and has it in hand: nothing is dispatched, and its report counts.
    var second = try await rig.delivery(inHand: [task.id: task.envelopes.map(\.id)])
    let next = try #require(MessageID(id.rawValue + 1))
    #expect(try await Self.submit(next, &frontend, lookup) == 250)
    let other = try await Self.task(&second)
    #expect(other.envelopes.map(\.id.message) == [next])
    try await Self.report(task, .delivered, &second)
    #expect(try await !Self.isStored(id, rig))
    try await second.close()
    // It died: all comes again.
    var third = try await rig.delivery()
    let again = try await Self.task(&third)
    #expect(again.envelopes.map(\.id) == other.envelopes.map(\.id) && again.id != other.id)
  }

  @Test("of several tasks of one envelope in hand the last one counts")
  func severalTasks() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    let envelopes = [try QueueRig.envelope(id)]
    var delivery = try await rig.delivery(inHand: [7: envelopes.map(\.id), 8: envelopes.map(\.id)])
    try await Self.report(Task(id: 7, envelopes: envelopes, body: nil), .permanent, &delivery)
    #expect(try await Self.isStored(id, rig))
    try await Self.report(Task(id: 8, envelopes: envelopes, body: nil), .delivered, &delivery)
    #expect(try await !Self.isStored(id, rig))
  }

  @Test("an envelope whose last task never came to delivery is not waited for")
  func lostTask() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var first = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    let lost = try await Self.task(&first)
    try await first.close()
    // An earlier try of the same, whose report was not recorded.
    let known = Task(id: lost.id - 1, envelopes: lost.envelopes, body: nil)
    var second = try await rig.delivery(inHand: [known.id: known.envelopes.map(\.id)])
    try await Self.report(known, .delivered, &second)
    #expect(try await !Self.isStored(id, rig))
  }

  @Test("the last reports of a delivery that died count, though its successor is there already")
  func drained() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var first = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    let task = try await Self.task(&first)
    var second = try await rig.delivery()
    let report = DeliveryReport(.delivered, text: "so")
    try await first.send(
      .report(task: task.id, [EnvelopeReport(envelope: task.envelopes[0].id, report: report)])
    )
    try await first.close()
    let recorded = await second.next { message in
      switch message {
      case .recorded(let ids): ids.contains(task.id)
      case .deliver: false
      default: nil
      }
    }
    #expect(recorded == true)
    #expect(try await !Self.isStored(id, rig))
  }

  @Test("a store that fails refuses new mail, and does the rest once it is well")
  func failure() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    let id = try await Self.block(&frontend)
    let second = try #require(MessageID(id.rawValue + 1))
    let third = try #require(MessageID(id.rawValue + 2))
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    let task = try await Self.task(&delivery)
    rig.fail(QueueRig.broken)
    #expect(try await Self.submit(second, &frontend, lookup) == 451)
    let report = DeliveryReport(.delivered, text: "so")
    try await delivery.send(
      .report(task: task.id, [EnvelopeReport(envelope: task.envelopes[0].id, report: report)])
    )
    rig.fail(nil)
    let recorded = await delivery.next { message in
      if case .recorded(let ids) = message, ids.contains(task.id) { true } else { nil }
    }
    #expect(recorded == true)
    #expect(try await !Self.isStored(id, rig))
    #expect(try await !Self.isStored(second, rig))
    #expect(try await Self.submit(third, &frontend, lookup) == 250)
    #expect(try await Self.isStored(third, rig))
  }

  @Test("one destination gets as many tasks as delivery takes, and more when one is through")
  func destinationFull() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    let first = try await Self.block(&frontend)
    for number in UInt32(0)..<70 {
      let id = try #require(MessageID(first.rawValue + number))
      #expect(try await Self.submit(id, &frontend, lookup) == 250)
    }
    var delivery = try await rig.delivery()
    var tasks: [Task] = []
    for _ in 0..<50 { tasks.append(try await Self.task(&delivery)) }
    // Whatever was sent more would be here before the report is recorded.
    let one = try #require(tasks.first)
    let report = EnvelopeReport(
      envelope: one.envelopes[0].id,
      report: DeliveryReport(.temporary, text: "so")
    )
    try await delivery.send(.report(task: one.id, [report]))
    var more = 0
    var isRecorded = false
    while more == 0 || !isRecorded {
      let isTask = await delivery.next { message -> Bool? in
        switch message {
        case .deliver: true
        case .recorded: false
        default: nil
        }
      }
      if try #require(isTask as Bool?) { more += 1 } else { isRecorded = true }
    }
    #expect(more == 1)
  }

  @Test("on a full disk nothing is dispatched before an outcome has been recorded again")
  func full() async throws {
    let rig = try await QueueRig()
    var frontend = try await rig.frontend()
    let lookup = try await rig.lookup()
    var delivery = try await rig.delivery()
    let id = try await Self.block(&frontend)
    #expect(try await Self.submit(id, &frontend, lookup) == 250)
    let task = try await Self.task(&delivery)
    // One more waits, which a dispatch of anything would let go.
    let control = try await rig.control()
    try await control.send(ControlToRole(id: 1, request: .pause(.mta)))
    let waiting = try #require(MessageID(id.rawValue + 1))
    #expect(try await Self.submit(waiting, &frontend, lookup) == 250)
    rig.fail(.full(path: "ram"))
    let report = DeliveryReport(.delivered, text: "so")
    try await delivery.send(
      .report(task: task.id, [EnvelopeReport(envelope: task.envelopes[0].id, report: report)])
    )
    let refused = await frontend.next { message in
      if case .admission(let reply?) = message { reply.code } else { nil }
    }
    #expect(refused == 452)
    try await control.send(ControlToRole(id: 2, request: .resume(.mta)))
    // The commit is tried again and again, and fails: that is no reason to dispatch.
    let before = rig.attempts
    while rig.attempts < before + 3 { await _Concurrency.Task.yield() }
    rig.fail(nil)
    let order = await delivery.next { message -> String? in
      switch message {
      case .recorded: "recorded"
      case .deliver: "dispatched"
      default: nil
      }
    }
    #expect(order == "recorded")
    #expect(try await Self.task(&delivery).envelopes.map(\.id.message) == [waiting])
    #expect(try await !Self.isStored(id, rig))
  }
}
