// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore
internal import Queue
internal import Scheduler

/// Serves delivery: hands out what is due, and takes what became of it.
///
/// A new edge begins with delivery's list of what it has in hand. Nothing is dispatched before that is
/// in the schedule, and before all that came over the edge before it has been taken; what delivery does
/// not have comes back to the schedule.
final class DispatchDesk {
  typealias DeliveryEdge = Edge<QueueToDelivery, DeliveryToQueue>

  enum Limits {
    /// Envelopes that are taken out of the schedule in one go.
    static let batch = 256
    /// A body up to this travels with its task, in bytes.
    static let inlineBody = 256 << 10
    /// Bytes of bodies that travel with tasks and have no report yet.
    static let inlineBytes = 32 << 20
    /// So many deaths of the delivering role an envelope may have seen before it is tried alone.
    static let crashesTogether: UInt8 = 2
    /// And so many before it is held for the operator.
    static let crashes: UInt8 = 5
    /// Expired envelopes that are taken up in one turn.
    static let expiredAtOnce = 256
    /// Reports that wait until it is known what is in flight.
    static let earlyReports = 100_000
    /// How long an edge that was replaced may take to end, in milliseconds.
    static let draining: Int64 = 5000
  }

  /// An envelope that delivery has in hand.
  struct Flight {
    /// As it was when it was dispatched.
    let stored: StoredEnvelope
    /// Maybe one that an earlier process of ours dispatched.
    let task: UInt64
    /// Of the edge that the task went over; nil when that was an earlier process of ours.
    let generation: UInt32?
  }

  unowned let queue: QueueService
  private(set) var edge: DeliveryEdge?
  private var generation: UInt32 = 0
  /// Edges that were replaced and have not ended.
  private var draining: [UInt32: DeliveryEdge] = [:]
  /// What delivery has in hand is in flight.
  private(set) var isReconciled = false
  /// What came over the edge before it could be taken.
  private var waiting: [DeliveryToQueue] = []
  private(set) var bodies: TaskBodies?
  var flying: [EnvelopeID: Flight] = [:]
  var resting: RestingDestinations
  /// What delivery has said that it has in hand, before its list is complete.
  private var announced = TasksInHand()
  /// In hand according to delivery, and not yet found in the store.
  private var claimed = TasksInHand()
  var earlyReports: [(task: UInt64, reports: [EnvelopeReport])] = []
  /// Deaths of the delivering role, by what it had in hand.
  var crashes: [EnvelopeID: UInt8] = [:]
  var isExpiring = false
  private var nextTask: UInt64
  private var timer: Scheduled<Void>?
  private var drained: (() -> Void)?

  init(_ queue: QueueService) {
    self.queue = queue
    resting = RestingDestinations(most: queue.projection.deferredMax)
    // Distinct over restarts: delivery may still have tasks of the last process.
    nextTask = UInt64(max(0, Clock.now().milliseconds)) << 20
    bodies = TaskBodies(queue) { [unowned self] in edge?.send($0) }
  }

  var inFlight: Int { flying.count }

  // MARK: - Edges

  func connect(_ generation: UInt32, _ descriptor: CInt) {
    if let edge { drain(edge, self.generation) }
    takeReports()
    self.generation = generation
    isReconciled = false
    announced = TasksInHand()
    edge = DeliveryEdge(
      descriptor: descriptor,
      peer: .delivery,
      on: queue.context.loop,
      receive: { [unowned self] in received($0, over: generation) },
      ended: { [unowned self] ending in
        queue.context.report(ending, of: .delivery)
        ended(generation)
      }
    )
  }

  /// What it still carries counts; nothing of its successor does before.
  private func drain(_ edge: DeliveryEdge, _ generation: UInt32) {
    draining[generation] = edge
    let loop = queue.context.loop.assumeIsolated()
    loop.scheduleTask(in: .milliseconds(Limits.draining)) { [unowned self] in
      guard let late = draining[generation] else { return }
      late.close()
      ended(generation)
    }
  }

  private func ended(_ generation: UInt32) {
    draining[generation] = nil
    if generation == self.generation {
      isReconciled = false
      edge = nil
      bodies?.stopAll()
    }
    takeWaiting()
    finishDraining()
  }

  private func received(_ message: DeliveryToQueue, over generation: UInt32) {
    if generation == self.generation {
      if isOpen, waiting.isEmpty { return take(message) }
      waiting.append(message)
      takeWaiting()
    } else if case .report(let task, let reports) = message {
      report(task, reports)
    }
  }

  /// Takes what may be taken now: all of it in order, and nothing before the list of what is in hand.
  private func takeWaiting() {
    guard draining.isEmpty, !waiting.isEmpty else { return }
    guard edge != nil else { return takeReports() }
    var messages = waiting[...]
    waiting = []
    while let message = messages.popFirst() {
      switch message {
      case _ where isReconciled: take(message)
      case .inHand(let task, let envelopes): announced.add(task, envelopes)
      case .reconcile:
        waiting = Array(messages)
        return reconcile()
      default:
        // Not before the list, nor before it has been looked at.
        waiting = [message] + messages
        return
      }
    }
  }

  /// Of an edge that is over, only the reports count.
  private func takeReports() {
    let messages = waiting
    waiting = []
    for case .report(let task, let reports) in messages { report(task, reports) }
  }

  private func take(_ message: DeliveryToQueue) {
    switch message {
    case .inHand, .reconcile: break
    case .destinationRests(let task, let milliseconds): rest(task, milliseconds)
    case .credit(let task, let bytes): bodies?.credit(task, Int(bytes))
    case .cancelBody(let task): bodies?.stop(task)
    case .report(let task, let reports): report(task, reports)
    case .release(let key, let count):
      let release: Scheduler.Release = count.map { .first(Int($0)) } ?? .all
      _ = queue.scheduler.release(DispatchDesk.hold(key), release, at: Clock.now())
      pump()
    }
  }

  static func hold(_ key: UInt64) -> String { "delivery \(key)" }

  // MARK: - Reconciliation

  /// Whether delivery has this envelope in hand already; it is in flight then.
  func claim(_ stored: StoredEnvelope) -> Bool {
    guard let task = claimed.remove(stored.envelope.id), !DispatchDesk.isDone(stored) else {
      return false
    }
    flying[stored.envelope.id] = Flight(stored: stored, task: task, generation: nil)
    return true
  }

  /// Whether a report of delivery's has been recorded that it does not know to be: what came of it is the queue's
  /// own work, which no delivery is ever given, and the same report again would be the end of it.
  private static func isDone(_ stored: StoredEnvelope) -> Bool {
    if case .bounce = stored.envelope.kind { true } else { false }
  }

  /// The task that delivery has this envelope with; nil when it has not.
  func task(of id: EnvelopeID) -> UInt64? { flying[id]?.task ?? claimed[id] }

  /// All of the store is in the schedule now.
  func loaded() {
    claimed = TasksInHand()
    takeEarlyReports()
    pump()
  }

  /// Not before it is known what is in flight.
  private func takeEarlyReports() {
    guard queue.loading == .complete, isReconciled else { return }
    let reports = earlyReports
    earlyReports = []
    for early in reports { report(early.task, early.reports) }
  }

  func isOfThisEdge(_ flight: Flight) -> Bool { flight.generation == generation }

  private func reconcile() {
    var inHand = exchange(&announced, with: TasksInHand())
    // What has ended is not tried again before its report is taken.
    for early in earlyReports { inHand.add(early.task, early.reports.map(\.envelope)) }
    // Of a delivery that died meanwhile.
    claimed = TasksInHand()
    for (id, flight) in flying where inHand[id] != flight.task { crashed(id, flight.stored) }
    bodies?.dropTasks { [flying] in flying[$0] != nil }
    // Delivery's own holds went with its last process.
    for hold in queue.scheduler.holdQueues() where hold.name.hasPrefix("delivery ") {
      _ = queue.scheduler.release(hold.name, .all, at: Clock.now())
    }
    // Of an older process of ours: in the schedule already, or found when the store is read further.
    var scheduled = TasksInHand()
    for (id, task) in inHand where flying[id] == nil {
      if queue.scheduler.status(of: id) != nil {
        scheduled.add(task, [id])
      } else if queue.loading != .complete {
        claimed.add(task, [id])
      }
    }
    takeOver(scheduled, generation) { [unowned self] in
      isReconciled = true
      takeEarlyReports()
      takeWaiting()
      pump()
    }
  }

  /// Takes envelopes out of the schedule that delivery has in hand, unless the edge is another one by then.
  private func takeOver(
    _ inHand: TasksInHand,
    _ generation: UInt32,
    _ finished: @escaping () -> Void
  ) {
    guard !inHand.isEmpty else { return finished() }
    let ids = inHand.envelopes
    queue.worker.read({ store throws(StoreError) in try DispatchDesk.envelopes(ids, in: store) }) {
      [unowned self] result in
      guard generation == self.generation, edge != nil else { return }
      switch result {
      case .failure(let error):
        queue.context.log.warn("queue: reading what is in flight: \(error)")
        queue.context.loop.assumeIsolated().scheduleTask(in: .seconds(1)) { [unowned self] in
          guard generation == self.generation, edge != nil else { return }
          takeOver(inHand, generation, finished)
        }
      case .success(let found):
        for stored in found {
          let id = stored.envelope.id
          guard let task = inHand[id], !DispatchDesk.isDone(stored),
            queue.scheduler.claim(id, at: Clock.now()) == .changed
          else { continue }
          flying[id] = Flight(stored: stored, task: task, generation: nil)
        }
        finished()
      }
    }
  }

  static func envelopes(
    _ ids: [EnvelopeID],
    in store: any Store
  ) throws(StoreError) -> [StoredEnvelope] {
    var found: [StoredEnvelope] = []
    for id in ids {
      if let envelope = try store.envelope(id) { found.append(envelope) }
    }
    return found
  }

  // MARK: - Out

  /// Whether delivery takes tasks.
  private var isOpen: Bool { edge != nil && isReconciled && draining.isEmpty }

  private var hasRoom: Bool { bodies.map { $0.inlineBytes < Limits.inlineBytes } ?? false }

  /// Dispatches what is due and sees to the next time that something will be.
  func pump() {
    guard queue.mayDispatch, queue.intakeDesk?.isReconciled != false else { return }
    let now = Clock.now()
    while isOpen, hasRoom {
      let room = min(Limits.batch, queue.inFlightMax - queue.scheduler.inFlightCount)
      guard room > 0 else { break }
      let batch = queue.scheduler.nextBatch(at: now, room: room)
      for dispatch in batch { begin(dispatch) }
      guard !batch.isEmpty else { break }
    }
    expire(at: now)
    timer?.cancel()
    timer = nil
    // A report makes room, and pumps again.
    guard isOpen, hasRoom, queue.scheduler.inFlightCount < queue.inFlightMax,
      let due = queue.scheduler.nextDue
    else { return }
    let delay = max(10, (due - now).wholeMilliseconds)
    timer = queue.context.loop.assumeIsolated().scheduleTask(in: .milliseconds(delay)) {
      [unowned self] in pump()
    }
  }

  private func begin(_ dispatch: Scheduler.Dispatch) {
    let key = DestinationLoad.Key(kind: dispatch.kind, name: dispatch.destination)
    let ids = dispatch.envelopes
    if key.kind != .bounce { bodies?.begun(key) }
    let known = ids.compactMap { queue.hot.stored($0) }
    if known.count == ids.count { return send(known, key) }
    queue.worker.read({ store throws(StoreError) in try DispatchDesk.envelopes(ids, in: store) }) {
      [unowned self] result in
      switch result {
      case .success(let found):
        forget(ids, except: found)
        send(found, key)
      case .failure(let error):
        queue.context.log.warn("queue: reading envelopes: \(error)")
        for id in ids { queue.back(unread: id, at: Clock.now()) }
        send([], key)
      }
    }
  }

  /// What cannot be read leaves the schedule and stays in the store: it may be in quarantine.
  func forget(_ ids: [EnvelopeID], except found: [StoredEnvelope]) {
    guard found.count < ids.count else { return }
    let present = Set(found.map(\.envelope.id))
    for id in ids where !present.contains(id) {
      queue.context.log.warn("queue: envelope \(id) cannot be read; it is out of the schedule")
      _ = queue.scheduler.completed(id, .finished, at: Clock.now())
    }
  }

  private func send(_ envelopes: [StoredEnvelope], _ key: DestinationLoad.Key) {
    guard key.kind != .bounce else {
      if !envelopes.isEmpty { queue.noticeDesk?.begin(envelopes) }
      return
    }
    guard !envelopes.isEmpty, let edge, isOpen else {
      for stored in envelopes {
        queue.back(stored, .returned(company(of: stored)), at: Clock.now())
      }
      bodies?.ended(key)
      return
    }
    nextTask += 1
    let message = envelopes[0].message
    let hotBody = queue.hot[message.id]?.body
    let body = hotBody.flatMap { $0.count <= Limits.inlineBody ? $0 : nil }
    for stored in envelopes {
      flying[stored.envelope.id] = Flight(
        stored: stored,
        task: nextTask,
        generation: generation
      )
    }
    bodies?.add(
      nextTask,
      DispatchedTask(
        message: message,
        envelopes: envelopes.map(\.envelope.id),
        destination: key,
        inlineBytes: body?.count ?? 0
      )
    )
    let first = envelopes.first.map { "\($0.envelope.id)" } ?? ""
    queue.context.log.debug(
      "queue: task \(nextTask) is for delivery: evpid=\(first), \(envelopes.count) of its message"
    )
    edge.send(.deliver(task: nextTask, message, envelopes.map(\.envelope), body: body))
  }

  // MARK: - Stopping

  /// Calls `done` when nothing is in hand any more.
  func whenDrained(_ done: @escaping () -> Void) {
    drained = done
    finishDraining()
  }

  func finishDraining() {
    guard let drained, flying.isEmpty || (edge == nil && draining.isEmpty) else { return }
    self.drained = nil
    drained()
  }
}
