// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import NIOCore
internal import Queue
internal import Scheduler

/// Serves delivery: hands out what is due, streams bodies, takes outcomes.
///
/// A new edge begins with delivery's list of what it has in hand; nothing is dispatched before, and
/// what it does not have comes back to the schedule.
final class DispatchDesk {
  typealias DeliveryEdge = Edge<QueueToDelivery, DeliveryToQueue>

  enum Limits {
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
  }

  private unowned let queue: QueueService
  private var edge: DeliveryEdge?
  private var isReconciled = false
  private var tasks: [UInt64: DispatchedTask] = [:]
  /// What delivery has in hand, as it was when it was dispatched.
  private var flying: [EnvelopeID: StoredEnvelope] = [:]
  /// In hand according to delivery, and not yet found in the store.
  private var claimed: Set<EnvelopeID> = []
  private var earlyReports: [(task: UInt64, reports: [EnvelopeReport])] = []
  private var crashes: [EnvelopeID: UInt8] = [:]
  private var holds = DestinationHolds()
  private var inlineBytes = 0
  private var nextTask: UInt64
  private var timer: Scheduled<Void>?
  private var drained: (() -> Void)?

  init(_ queue: QueueService) {
    self.queue = queue
    // Distinct over restarts: delivery may still have tasks of the last process.
    nextTask = UInt64(Clock.now().milliseconds) << 20
  }

  func connect(_ descriptor: CInt) {
    edge?.close()
    isReconciled = false
    edge = DeliveryEdge(
      descriptor: descriptor,
      peer: .delivery,
      on: queue.context.loop,
      receive: { [unowned self] in received($0) },
      ended: { [unowned self] ending in
        if case .violated(let why) = ending { queue.context.log.warn("delivery's edge: \(why)") }
        isReconciled = false
        edge = nil
        for task in tasks.values { task.stopStream() }
        finishDraining()
      }
    )
  }

  /// Whether delivery has this envelope in hand already; it is in flight then.
  func claim(_ stored: StoredEnvelope) -> Bool {
    guard claimed.remove(stored.envelope.id) != nil else { return false }
    flying[stored.envelope.id] = stored
    return true
  }

  /// All of the store is in the schedule now.
  func loaded() {
    claimed = []
    let reports = earlyReports
    earlyReports = []
    for early in reports { report(early.task, early.reports) }
    pump()
  }

  /// Calls `done` when nothing is in hand any more.
  func whenDrained(_ done: @escaping () -> Void) {
    drained = done
    finishDraining()
  }

  private func finishDraining() {
    guard let drained, flying.isEmpty || edge == nil else { return }
    self.drained = nil
    drained()
  }

  // MARK: - Out

  /// Dispatches what is due and sees to the next time that something will be.
  func pump() {
    guard queue.mayDispatch else { return }
    let now = Clock.now()
    if edge != nil, isReconciled, inlineBytes < Limits.inlineBytes {
      while true {
        let batch = queue.scheduler.nextBatch(at: now, room: 256)
        for dispatch in batch { begin(dispatch) }
        guard !batch.isEmpty, inlineBytes < Limits.inlineBytes else { break }
      }
    }
    expire(at: now)
    timer?.cancel()
    timer = nil
    guard edge != nil, isReconciled, let due = queue.scheduler.nextDue else { return }
    let delay = max(10, (due - now).wholeMilliseconds)
    timer = queue.context.loop.assumeIsolated().scheduleTask(in: .milliseconds(delay)) {
      [unowned self] in pump()
    }
  }

  private func begin(_ dispatch: Scheduler.Dispatch) {
    let ids = dispatch.envelopes
    if let key = holds.holding(dispatch.destination, count: ids.count) {
      let now = Clock.now()
      for id in ids {
        _ = queue.scheduler.completed(id, .held(under: DispatchDesk.hold(key)), at: now)
      }
      return
    }
    let known = dispatch.envelopes.compactMap { queue.hot.stored($0) }
    if known.count == dispatch.envelopes.count {
      send(known, dispatch.kind)
      return
    }
    queue.worker.read({ store throws(StoreError) in
      var found: [StoredEnvelope] = []
      for id in ids {
        if let envelope = try store.envelope(id) { found.append(envelope) }
      }
      return found
    }) { [unowned self] result in
      let now = Clock.now()
      switch result {
      case .success(let found):
        let present = Set(found.map(\.envelope.id))
        for id in ids where !present.contains(id) {
          queue.context.log.warn("queue: envelope \(id) cannot be read; it is out of the schedule")
          _ = queue.scheduler.completed(id, .finished, at: now)
        }
        if !found.isEmpty { send(found, dispatch.kind) }
      case .failure(let error):
        queue.context.log.warn("queue: reading envelopes: \(error)")
        for id in ids { _ = queue.scheduler.completed(id, .deferred, at: now) }
      }
    }
  }

  private func send(_ envelopes: [StoredEnvelope], _ kind: Scheduler.Kind) {
    if kind == .bounce {
      queue.noticeDesk?.begin(envelopes)
      return
    }
    guard let edge, isReconciled else {
      for stored in envelopes {
        _ = queue.scheduler.completed(stored.envelope.id, .returned(.any), at: Clock.now())
      }
      return
    }
    nextTask += 1
    let message = envelopes[0].message
    let hotBody = queue.hot[message.id]?.body
    let body = hotBody.flatMap { $0.count <= Limits.inlineBody ? $0 : nil }
    for stored in envelopes { flying[stored.envelope.id] = stored }
    inlineBytes += body?.count ?? 0
    tasks[nextTask] = DispatchedTask(
      message: message,
      envelopes: envelopes.map(\.envelope.id),
      inlineBytes: body?.count ?? 0
    )
    edge.send(.deliver(task: nextTask, message, envelopes.map(\.envelope), body: body))
  }

  private func expire(at now: Instant) {
    let ids = queue.scheduler.expired(at: now, limit: Limits.expiredAtOnce)
    guard !ids.isEmpty else { return }
    queue.worker.read({ store throws(StoreError) in
      var found: [StoredEnvelope] = []
      for id in ids {
        if let envelope = try store.envelope(id) { found.append(envelope) }
      }
      return found
    }) { [unowned self] result in
      let now = Clock.now()
      guard case .success(let found) = result else {
        for id in ids { _ = queue.scheduler.completed(id, .deferred, at: now) }
        return
      }
      for stored in found {
        queue.statistics.expired += 1
        let kind = stored.envelope.kind == .relay ? "relay" : "delivery"
        queue.context.log.line(
          "\(kind): Expire for \(stored.envelope.id): from=<\(stored.message.senderText)>, "
            + "to=<\(stored.envelope.destination)>, rcpt=<\(stored.envelope.recipient)>, "
            + "delay=\((now - stored.envelope.created).operatorText), "
            + "stat=\(stored.envelope.progress.lastError)"
        )
        finish(stored, queue.rules.expired(stored, at: now), at: now) {}
      }
      let present = Set(found.map(\.envelope.id))
      for id in ids where !present.contains(id) {
        _ = queue.scheduler.completed(id, .finished, at: now)
      }
      if ids.count == Limits.expiredAtOnce { pump() }
    }
  }

  // MARK: - In

  private func received(_ message: DeliveryToQueue) {
    switch message {
    case .reconcile(let inHand): reconcile(Set(inHand))
    case .credit(let task, let bytes): credit(task, Int(bytes))
    case .cancelBody(let task): tasks[task]?.stopStream()
    case .report(let task, let reports): report(task, reports)
    case .release(let key, let count):
      let release: Scheduler.Release = count.map { .first(Int($0)) } ?? .all
      let number = queue.scheduler.release(DispatchDesk.hold(key), release, at: Clock.now())
      holds.released(key, count: count.map { Int($0) }, released: number)
      pump()
    case .destinationWorks: break
    }
  }

  private static func hold(_ key: UInt64) -> String { "delivery \(key)" }

  private func reconcile(_ inHand: Set<EnvelopeID>) {
    isReconciled = true
    let now = Clock.now()
    var changes: [Change] = []
    for (id, stored) in flying where !inHand.contains(id) {
      flying[id] = nil
      let count = (crashes[id] ?? stored.envelope.progress.crashes) + 1
      crashes[id] = count
      let company: Scheduler.Company = count >= Limits.crashesTogether ? .alone : .any
      _ = queue.scheduler.completed(id, .returned(company), at: now)
      guard count >= Limits.crashesTogether else { continue }
      changes.append(.update(id, .crashed))
      guard count >= Limits.crashes else { continue }
      _ = queue.scheduler.suspend(id, at: now)
      changes.append(.update(id, .suspended(.quarantine)))
      queue.context.log.warn(
        "queue: envelope \(id) is held: its delivery ended the delivering process \(count) times; "
          + "see smtpctl show envelope \(id), then smtpctl resume envelope \(id)"
      )
    }
    if !changes.isEmpty { queue.commit(changes, .soon) {} }
    // Of an older process of ours: found again while the store is read, or there already.
    for id in inHand where flying[id] == nil {
      if queue.loading == .complete { continue }
      claimed.insert(id)
    }
    for (id, task) in tasks where !task.envelopes.contains(where: { flying[$0] != nil }) {
      drop(task: id)
    }
    // Delivery's own holds went with its last process.
    holds.clear()
    for hold in queue.scheduler.holdQueues() where hold.name.hasPrefix("delivery ") {
      _ = queue.scheduler.release(hold.name, .all, at: now)
    }
    pump()
  }

  private func report(_ task: UInt64, _ reports: [EnvelopeReport]) {
    if queue.loading != .complete, reports.contains(where: { flying[$0.envelope] == nil }) {
      earlyReports.append((task, reports))
      return
    }
    drop(task: task)
    let now = Clock.now()
    let acknowledge = Countdown(reports.count) { [unowned self] in
      edge?.send(.recorded([task]))
      finishDraining()
    }
    for report in reports {
      guard let stored = flying.removeValue(forKey: report.envelope) else {
        acknowledge.one()
        continue
      }
      count(report.report)
      crashes[report.envelope] = nil
      let decision = queue.rules.decide(
        report.report,
        for: stored,
        expiry: queue.entries.expiry(of: stored.envelope),
        removal: .none,
        at: now
      )
      finish(stored, decision, at: now) { acknowledge.one() }
    }
    pump()
  }

  private func count(_ report: DeliveryReport) {
    switch report.result {
    case .delivered: queue.statistics.delivered += 1
    case .temporary: queue.statistics.deferred += 1
    case .permanent: queue.statistics.failed += 1
    case .loop: queue.statistics.looped += 1
    case .returned, .held: break
    }
  }

  /// Tells the schedule, and then the store, what became of an envelope that was in flight.
  private func finish(
    _ stored: StoredEnvelope,
    _ decision: OutcomeRules.Decision,
    at now: Instant,
    _ recorded: @escaping () -> Void
  ) {
    let id = stored.envelope.id
    let outcome: Scheduler.Outcome =
      switch decision.next {
      case .gone: .finished
      case .retry where decision.changes.isEmpty: .returned(.any)
      case .retry: .deferred
      case .hold(let key): .held(under: DispatchDesk.hold(key))
      case .bounce: becameBounce(stored, decision, at: now)
      }
    switch queue.scheduler.completed(id, outcome, at: now) {
    case .gone(let siblings), .removed(let siblings):
      queue.gone(id, siblings, .soon, recorded)
    case .kept, .held:
      let changes = decision.changes.flatMap { step -> [Change] in
        switch step {
        case .update(let update): [.update(id, update)]
        case .remove: []
        case .addNotice(let bounce):
          addNotice(bounce, for: stored, at: now).map { [.add($0)] } ?? []
        }
      }
      if case .hold(let key) = decision.next {
        holds.held(queue.entries.destination(of: stored.envelope), under: key)
      }
      if !changes.isEmpty { queue.hot.forget(id) }
      if changes.isEmpty { recorded() } else { queue.commit(changes, .soon, finished: recorded) }
    case .notInFlight: recorded()
    }
  }

  private func becameBounce(
    _ stored: StoredEnvelope,
    _ decision: OutcomeRules.Decision,
    at now: Instant
  ) -> Scheduler.Outcome {
    var envelope = stored.envelope
    for case .update(let update) in decision.changes { envelope.apply(update) }
    return .becameBounce(
      destination: queue.entries.destination(of: envelope),
      expiry: queue.entries.expiry(of: envelope)
    )
  }

  /// One more envelope of the message, which owes its sender a notice of delay.
  private func addNotice(
    _ bounce: Bounce,
    for stored: StoredEnvelope,
    at now: Instant
  ) -> Envelope? {
    for _ in 0..<16 {
      let low = UInt32.random(in: 1...UInt32.max)
      guard let id = EnvelopeID(message: stored.message.id, low: low),
        queue.scheduler.status(of: id) == nil
      else { continue }
      var envelope = stored.envelope
      envelope.id = id
      envelope.kind = .bounce(bounce)
      envelope.created = now
      envelope.progress.tries = 0
      envelope.progress.lastTry = nil
      envelope.unknownFields = []
      let notice = StoredEnvelope(message: stored.message, envelope: envelope)
      _ = queue.scheduler.insert(queue.entries.entry(for: notice), at: now)
      return envelope
    }
    return nil
  }

  // MARK: - Bodies

  private func drop(task: UInt64) {
    guard let dropped = tasks.removeValue(forKey: task) else { return }
    dropped.stopStream()
    inlineBytes -= dropped.inlineBytes
  }

  private func credit(_ id: UInt64, _ bytes: Int) {
    guard let task = tasks[id] else {
      edge?.send(.bodyFailed(task: id, reason: "the queue was restarted"))
      return
    }
    // Credit for a body that has ended asks for it once more, for the task's next recipient.
    if task.isStopped { task.restartStream() }
    task.credit += bytes
    stream(id, task)
  }

  private func stream(_ id: UInt64, _ task: DispatchedTask) {
    guard task.mayRead else { return }
    let count = min(task.credit, EdgeLimits.bodyChunk)
    let offset = task.offset
    task.isReading = true
    func took(_ result: Result<[UInt8], StoreError>) {
      task.isReading = false
      guard let edge, tasks[id] === task, !task.isStopped else { return }
      switch result {
      case .failure(let error):
        queue.context.log.warn("queue: message \(task.message.id): \(error)")
        edge.send(.bodyFailed(task: id, reason: "\(error)"))
        task.stopStream()
      case .success(let bytes):
        if !bytes.isEmpty { edge.send(.body(task: id, bytes)) }
        task.offset += bytes.count
        task.credit -= bytes.count
        if bytes.count < count || task.offset >= task.message.size {
          edge.send(.bodyEnd(task: id))
          task.stopStream()
        } else {
          stream(id, task)
        }
      }
    }
    if let body = queue.hot[task.message.id]?.body {
      took(.success(Array(body.dropFirst(offset).prefix(count))))
      return
    }
    let message = task.message.id
    queue.worker.read({ store throws(StoreError) in
      try store.body(of: message, from: offset, count: count)
    }) { took($0) }
  }

  var inFlight: Int { flying.count }
}

/// A task that delivery has.
final class DispatchedTask {
  let message: Message
  let envelopes: [EnvelopeID]
  let inlineBytes: Int
  var credit = 0
  var offset = 0
  var isReading = false
  private(set) var isStopped = false

  init(message: Message, envelopes: [EnvelopeID], inlineBytes: Int) {
    self.message = message
    self.envelopes = envelopes
    self.inlineBytes = inlineBytes
  }

  var mayRead: Bool { !isReading && !isStopped && credit > 0 }

  func stopStream() {
    isStopped = true
    credit = 0
  }

  func restartStream() {
    isStopped = false
    offset = 0
  }
}

/// Calls once a number of things have happened.
final class Countdown {
  private var remaining: Int
  private let finished: () -> Void

  init(_ count: Int, finished: @escaping () -> Void) {
    remaining = count
    self.finished = finished
    if count == 0 { finished() }
  }

  func one() {
    remaining -= 1
    if remaining == 0 { finished() }
  }
}
