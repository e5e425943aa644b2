// SPDX-License-Identifier: ISC

import Interprocess
import Mail
import Queue
import Testing

/// What delivery has in hand when the queue is a new one.
@Suite("Reconciliation", .timeLimit(.minutes(1)))
struct ReconciliationTests {
  private static let body = Array("Subject: x\n\nhello\n".utf8)

  /// A queue that was started over two messages of one envelope each.
  private static func rig(isStuck: Bool) async throws -> (QueueRig, [EnvelopeID]) {
    let mail = try [UInt32(1), 2].map { number in
      let id = try #require(MessageID(number))
      return NewMessage(
        message: QueueRig.message(id, size: body.count),
        envelopes: [try QueueRig.envelope(id)],
        body: .bytes(body)
      )
    }
    let rig = try await QueueRig(holding: mail, isStuck: isStuck)
    return (rig, mail.map { $0.envelopes[0].id })
  }

  /// The envelopes of the next tasks.
  private static func dispatched(
    _ count: Int,
    _ delivery: inout DeliveryPeer
  ) async throws -> Set<EnvelopeID> {
    var found: Set<EnvelopeID> = []
    for _ in 0..<count {
      found.formUnion(try await QueueServiceTests.task(&delivery).envelopes.map(\.id))
    }
    return found
  }

  private static func report(
    _ task: UInt64,
    _ envelope: EnvelopeID,
    _ report: DeliveryReport
  ) -> DeliveryToQueue {
    .report(task: task, [EnvelopeReport(envelope: envelope, report: report)])
  }

  @Test("what a delivery had in hand that died while the queue was read is tried again")
  func diedMeanwhile() async throws {
    let (rig, ids) = try await Self.rig(isStuck: true)
    let first = try await rig.delivery(inHand: [5: [ids[0]]])
    try await Task.sleep(for: .milliseconds(50))
    try await first.close()
    var second = try await rig.delivery()
    rig.letGo()
    #expect(try await Self.dispatched(2, &second) == Set(ids))
  }

  @Test("what it had reported before is not")
  func reportedBefore() async throws {
    let (rig, ids) = try await Self.rig(isStuck: true)
    let first = try await rig.delivery(inHand: [5: [ids[0]]])
    try await first.send(Self.report(5, ids[0], DeliveryReport(.delivered, text: "so")))
    try await Task.sleep(for: .milliseconds(50))
    try await first.close()
    var second = try await rig.delivery()
    try await Task.sleep(for: .milliseconds(50))
    rig.letGo()
    #expect(try await Self.dispatched(1, &second) == [ids[1]])
    let recorded = await second.next { message in
      switch message {
      case .recorded(let tasks) where tasks.contains(5): true
      case .deliver: false
      default: nil
      }
    }
    #expect(recorded == true)
    #expect(try await !QueueServiceTests.isStored(ids[0].message, rig))
  }

  @Test(
    "what it had reported behind its list, while that was looked up, is not, though it died then"
  )
  func reportedBehindList() async throws {
    let (rig, ids) = try await Self.rig(isStuck: false)
    rig.hold(true)
    // All is in the schedule by then.
    try await Task.sleep(for: .milliseconds(100))
    let first = try await rig.delivery(inHand: [5: [ids[0]]])
    try await first.send(Self.report(5, ids[0], DeliveryReport(.delivered, text: "so")))
    try await Task.sleep(for: .milliseconds(100))
    try await first.close()
    try await Task.sleep(for: .milliseconds(100))
    rig.hold(false)
    var second = try await rig.delivery()
    // In either order.
    var tried: Set<EnvelopeID> = []
    var isRecorded = false
    while !isRecorded || tried.isEmpty {
      switch try #require(await second.next({ $0 })) {
      case .recorded(let tasks): isRecorded = isRecorded || tasks.contains(5)
      case .deliver(_, _, let envelopes, _): tried.formUnion(envelopes.map(\.id))
      default: break
      }
    }
    #expect(tried == [ids[1]])
    #expect(try await !QueueServiceTests.isStored(ids[0].message, rig))
  }

  @Test(
    "a report that comes again after it was recorded takes nobody's notice away",
    arguments: [true, false]
  )
  func recordedBefore(isStuck: Bool) async throws {
    let id = try #require(MessageID(1))
    var failed = try QueueRig.envelope(id)
    failed.kind = .bounce(.failed)
    let mail = NewMessage(
      message: QueueRig.message(id, size: Self.body.count),
      envelopes: [failed],
      body: .bytes(Self.body)
    )
    let rig = try await QueueRig(holding: [mail], isStuck: isStuck)
    var lookup = try await rig.lookup()
    if !isStuck { try await Task.sleep(for: .milliseconds(50)) }
    var delivery = try await rig.delivery(inHand: [5: [failed.id]])
    try await delivery.send(
      Self.report(5, failed.id, DeliveryReport(.permanent, text: "550 no"))
    )
    try await Task.sleep(for: .milliseconds(50))
    if isStuck { rig.letGo() }
    let recorded = await delivery.next { message in
      if case .recorded(let tasks) = message, tasks.contains(5) { true } else { nil }
    }
    #expect(recorded == true)
    let recipient = await lookup.next { message in
      if case .route(_, _, let recipient) = message { recipient } else { nil }
    }
    #expect(recipient != nil)
    #expect(try await QueueServiceTests.isStored(id, rig))
  }

  @Test("what was held while the queue was read, and released, is tried")
  func heldMeanwhile() async throws {
    let (rig, ids) = try await Self.rig(isStuck: true)
    var delivery = try await rig.delivery(inHand: [5: [ids[0]]])
    var held = DeliveryReport(.held, text: "")
    held.holdKey = 7
    try await delivery.send(Self.report(5, ids[0], held))
    try await delivery.send(.release(key: 7, count: nil))
    try await Task.sleep(for: .milliseconds(50))
    rig.letGo()
    #expect(try await Self.dispatched(2, &delivery) == Set(ids))
  }

  @Test("what is held by a report over a later edge than its task's is tried")
  func heldBefore() async throws {
    let (rig, ids) = try await Self.rig(isStuck: false)
    var first = try await rig.delivery()
    let task = try await QueueServiceTests.task(&first)
    try await first.close()
    try await Task.sleep(for: .milliseconds(100))
    var second = try await rig.delivery(inHand: [task.id: task.envelopes.map(\.id)])
    var held = DeliveryReport(.held, text: "")
    held.holdKey = 7
    try await second.send(Self.report(task.id, task.envelopes[0].id, held))
    #expect(try await Self.dispatched(2, &second) == Set(ids))
  }

  @Test("a body that was not asked for before its edge ended fails, and is not waited for")
  func stoppedBody() async throws {
    let (rig, _) = try await Self.rig(isStuck: false)
    var first = try await rig.delivery()
    let task = try await QueueServiceTests.task(&first)
    #expect(task.body == nil)
    try await first.close()
    try await Task.sleep(for: .milliseconds(100))
    var second = try await rig.delivery(inHand: [task.id: task.envelopes.map(\.id)])
    try await second.send(.credit(task: task.id, 1000))
    let answer = await second.next { message in
      switch message {
      case .bodyFailed(let id, _) where id == task.id: true
      case .body(let id, _) where id == task.id: false
      default: nil
      }
    }
    #expect(answer == true)
  }
}
