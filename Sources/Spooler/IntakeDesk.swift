// SPDX-License-Identifier: ISC

internal import Disk
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix
internal import Queue

/// Serves the frontends: drives `Intake`, stages large bodies, answers submits.
final class IntakeDesk {
  typealias FrontendEdge = Edge<QueueToFrontend, FrontendToQueue>

  enum Listening {
    case open
    case paused
  }

  private enum Limits {
    /// Message identifiers in one block.
    static let block: UInt32 = 1024
    /// How long deliveries wait for a frontend's list of submits, in milliseconds.
    static let reconciliation: Int64 = 5000
    /// Before the store is asked again that could not answer, in milliseconds.
    static let patience: Int64 = 500
  }

  private unowned let queue: QueueService
  private let stage: BodyStage?
  private let stageLoop: any EventLoop
  private var intake: Intake
  private var frontends: [UInt32: FrontendEdge] = [:]
  private var stagedBodies: [MessageID: StagedWriter] = [:]
  /// Frontends whose list of submits has not been answered.
  private var unreconciled: Set<UInt32> = []
  /// Frontends whose block of identifiers is on its way.
  private var reserving: Set<UInt32> = []
  private var listening = Listening.open

  init(_ queue: QueueService, stage: BodyStage?) {
    self.queue = queue
    self.stage = stage
    var limits = Intake.Limits()
    limits.envelopes = EdgeLimits.envelopesOfMessage
    // A store without files keeps every body in memory.
    if stage == nil {
      limits.memoryBody = .max
      limits.memoryBodyWhenShort = .max
    }
    intake = Intake(limits: limits)
    stageLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
  }

  /// Whether a transaction has this identifier.
  func isOpen(_ id: MessageID) -> Bool { intake.isOpen(id) }

  var openTransactions: Int { intake.count }

  /// Whether every frontend knows what became of its submits: a message that is delivered before could
  /// not be told from one that never came.
  var isReconciled: Bool { unreconciled.isEmpty }

  private func reconciled(_ generation: UInt32) {
    guard unreconciled.remove(generation) != nil, unreconciled.isEmpty else { return }
    queue.dispatchDesk?.pump()
  }

  func connectFrontend(_ generation: UInt32, _ descriptor: CInt) {
    let edge = FrontendEdge(
      descriptor: descriptor,
      peer: .frontend,
      on: queue.context.loop,
      receive: { [unowned self] in received($0, from: generation) },
      ended: { [unowned self] ending in
        queue.context.report(ending, of: .frontend)
        frontends[generation] = nil
        perform(intake.lost(frontend: generation))
        reconciled(generation)
      }
    )
    frontends[generation] = edge
    unreconciled.insert(generation)
    let loop = queue.context.loop.assumeIsolated()
    loop.scheduleTask(in: .milliseconds(Limits.reconciliation)) { [unowned self] in
      reconciled(generation)
    }
    edge.send(.admission(intake.admission))
    edge.send(.listening(listening == .open ? 1 : 0))
  }

  func listening(_ state: Listening) {
    listening = state
    for edge in frontends.values { edge.send(.listening(state == .open ? 1 : 0)) }
  }

  /// Lookup sent envelopes.
  func envelopes(_ envelopes: [Envelope]) { perform(intake.envelopes(envelopes)) }

  func lookupFound(edge: UInt32) { intake.lookupFound(edge: edge) }

  func lookupLost(edge: UInt32) { perform(intake.lookupLost(edge: edge)) }

  /// The disk is nearly full, or is not: nil.
  func space(_ refusal: Reply?) { perform(intake.space(refusal)) }

  var bytesSettled: Int { intake.bytesSettled }

  /// As `Intake.room`.
  func room(_ bytes: Int, whenSettled settled: Int) { intake.room(bytes, whenSettled: settled) }

  func storeFailed(_ error: StoreError) { perform(intake.space(IntakeDesk.reply(to: error))) }

  func storeRecovered() { perform(intake.space(nil)) }

  private func received(_ message: FrontendToQueue, from generation: UInt32) {
    switch message {
    case .reserve:
      guard intake.mayReserve(generation), reserving.insert(generation).inserted else { return }
      queue.identifiers?.reserve(Limits.block) { [unowned self] first, count in
        reserving.remove(generation)
        guard let edge = frontends[generation] else { return }
        intake.reserved(first: first, count: count, frontend: generation)
        edge.send(.block(first: first, count: count))
      }
    case .body(let id, let bytes): perform(intake.body(id, bytes, from: generation))
    case .submit(let message, let envelopes, let edge):
      perform(intake.submit(message, envelopes: envelopes, over: edge, from: generation))
    case .abort(let id, _): perform(intake.abort(id, from: generation))
    case .reconcile(let owed): reconcile(owed, generation)
    }
  }

  /// Answers submits of an edge before this one: what is in the store was accepted.
  private func reconcile(_ owed: [OwedSubmit], _ generation: UInt32) {
    let unknown = owed.filter { !intake.reclaimed($0.message, by: generation) }
    let answered = Countdown(unknown.count) { [unowned self] in reconciled(generation) }
    for submit in unknown { reconcile(submit, generation) { answered.one() } }
  }

  private func reconcile(
    _ submit: OwedSubmit,
    _ generation: UInt32,
    _ answered: @escaping () -> Void
  ) {
    let id = submit.message
    guard frontends[generation] != nil else { return answered() }
    let before = EnvelopeID(UInt64(id.rawValue) << 32 - 1)
    queue.worker.read({ store throws(StoreError) in
      let found = try store.page(after: before, limit: 1).envelopes.first?.message
      return found?.id == id && found?.session.id == submit.session
    }) { [unowned self] result in
      guard case .success(let isThere) = result else {
        let loop = queue.context.loop.assumeIsolated()
        loop.scheduleTask(in: .milliseconds(Limits.patience)) { [unowned self] in
          reconcile(submit, generation, answered)
        }
        return
      }
      frontends[generation]?.send(isThere ? .stored(id) : .refused(id, Intake.notStored))
      answered()
    }
  }

  private func perform(_ actions: [Intake.Action]) {
    for action in actions {
      switch action {
      case .stored(let frontend, let id): frontends[frontend]?.send(.stored(id))
      case .refused(let frontend, let id, let reply):
        frontends[frontend]?.send(.refused(id, reply))
      case .credit(let frontend, let id, let bytes):
        frontends[frontend]?.send(.credit(id, bytes))
      case .stage(let id, let bytes): stage(id, bytes)
      case .finishStage(let id): finishStage(id)
      case .discardStage(let id): discardStage(id)
      case .commit(let new): commit(new)
      case .admission(let reply):
        if let reply { queue.context.log.warn("queue: new mail is refused: \(reply.lines[0])") }
        for edge in frontends.values { edge.send(.admission(reply)) }
      }
    }
  }

  private func commit(_ new: NewMessage) {
    let id = new.message.id
    let ticket = QueueService.Ticket.message(new) { [unowned self] result in
      switch result {
      case .success:
        queue.accepted(new)
        perform(intake.committed(id))
      case .failure(let error):
        perform(intake.commitFailed(id, IntakeDesk.reply(to: error)))
      }
    }
    queue.add([.insert(new)], ticket, .now)
  }

  static func reply(to error: StoreError) -> Reply {
    guard case .full = error else { return Intake.notStored }
    return Reply(
      452,
      EnhancedStatus(.temporary, 3, 1),
      "Insufficient system storage: the queue's disk is full, try again later"
    )
  }

  // MARK: - Staged bodies

  private func stage(_ id: MessageID, _ bytes: [UInt8]) {
    guard let stage else {
      perform(intake.stageFailed(id, Intake.notStored, bytes.count))
      return
    }
    let writer = stagedBodies[id] ?? StagedWriter(stage: stage, message: id, on: stageLoop)
    stagedBodies[id] = writer
    run(writer, id, bytes: bytes.count, { $0.append(bytes) }) { [unowned self] _ in
      perform(intake.staged(id, written: bytes.count))
    }
  }

  private func finishStage(_ id: MessageID) {
    guard let writer = stagedBodies.removeValue(forKey: id) else { return }
    run(writer, id, { $0.finish() }) { [unowned self] checksum in
      perform(intake.stageFinished(id, checksum: checksum))
    }
  }

  private func discardStage(_ id: MessageID) {
    if let writer = stagedBodies.removeValue(forKey: id) {
      stageLoop.execute { writer.discard() }
    } else if let stage {
      stageLoop.execute { try? stage.remove(id) }
    }
  }

  private func run<Value: Sendable>(
    _ writer: StagedWriter,
    _ id: MessageID,
    bytes: Int = 0,
    _ body: @escaping @Sendable (StagedWriter) -> Result<Value, StoreError>,
    finished: @escaping (Value) -> Void
  ) {
    let loop = queue.context.loop
    let done = NIOLoopBound(finished, eventLoop: loop)
    let me = NIOLoopBound(self, eventLoop: loop)
    stageLoop.execute {
      let result = body(writer)
      loop.execute {
        switch result {
        case .success(let value): done.value(value)
        case .failure(let error):
          if case .exists = error { me.value.queue.identifiers?.collided() }
          me.value.queue.context.log.warn("queue: message \(id): \(error)")
          me.value.perform(me.value.intake.stageFailed(id, IntakeDesk.reply(to: error), bytes))
        }
      }
    }
  }
}

/// One staged body on the staging thread. After its first failure it does nothing more.
private final class StagedWriter: Sendable {
  private let stage: BodyStage
  private let message: MessageID
  private let body: NIOLoopBoundBox<StagedBody?>

  init(stage: BodyStage, message: MessageID, on loop: any EventLoop) {
    self.stage = stage
    self.message = message
    body = .makeEmptyBox(valueType: StagedBody.self, eventLoop: loop)
  }

  func append(_ bytes: [UInt8]) -> Result<Void, StoreError> {
    Result { () throws(StoreError) in
      if body.value == nil { body.value = try stage.begin(message, .kept) }
      try body.value?.append(bytes)
    }
  }

  /// Returns the checksum of the body.
  func finish() -> Result<UInt32, StoreError> {
    guard let body = body.value else { preconditionFailure("a body without bytes") }
    return Result { () throws(StoreError) in try body.finish().checksum }
  }

  func discard() { body.value?.discard() }
}
