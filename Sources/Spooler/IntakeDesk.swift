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
    /// How often the disk's free space is looked at, in milliseconds.
    static let spaceInterval: Int64 = 2000
  }

  private unowned let queue: QueueService
  private let stage: BodyStage?
  private let stageLoop: any EventLoop
  private var intake: Intake
  private var frontends: [UInt32: FrontendEdge] = [:]
  private var stagedBodies: [MessageID: StagedWriter] = [:]
  private var listening = Listening.open

  init(_ queue: QueueService, stage: BodyStage?) {
    self.queue = queue
    self.stage = stage
    var limits = Intake.Limits()
    // A store without files keeps every body in memory.
    if stage == nil { limits.memoryBody = .max }
    intake = Intake(limits: limits)
    stageLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
  }

  /// Whether a transaction has this identifier.
  func isOpen(_ id: MessageID) -> Bool { intake.isOpen(id) }

  var openTransactions: Int { intake.count }

  func connectFrontend(_ generation: UInt32, _ descriptor: CInt) {
    let edge = FrontendEdge(
      descriptor: descriptor,
      peer: .frontend,
      on: queue.context.loop,
      receive: { [unowned self] in received($0, from: generation) },
      ended: { [unowned self] ending in
        if case .violated(let why) = ending { queue.context.log.warn("frontend's edge: \(why)") }
        frontends[generation] = nil
        perform(intake.lost(frontend: generation))
      }
    )
    frontends[generation] = edge
    edge.send(.admission(intake.admission))
    edge.send(.listening(listening == .open ? 1 : 0))
  }

  func listening(_ state: Listening) {
    listening = state
    for edge in frontends.values { edge.send(.listening(state == .open ? 1 : 0)) }
  }

  /// Lookup sent envelopes.
  func envelopes(_ envelopes: [Envelope]) { perform(intake.envelopes(envelopes)) }

  func lookupLost() { perform(intake.lookupLost()) }

  /// The disk is nearly full, or is not: nil.
  func space(_ refusal: Reply?) { perform(intake.space(refusal)) }

  func storeFailed(_ error: StoreError) { perform(intake.space(IntakeDesk.reply(to: error))) }

  func storeRecovered() { perform(intake.space(nil)) }

  private func received(_ message: FrontendToQueue, from generation: UInt32) {
    switch message {
    case .reserve:
      queue.identifiers?.reserve(Limits.block) { [unowned self] first, count in
        guard let edge = frontends[generation] else { return }
        intake.reserved(first: first, count: count, frontend: generation)
        edge.send(.block(first: first, count: count))
      }
    case .body(let id, let bytes): perform(intake.body(id, bytes, from: generation))
    case .submit(let message, let envelopes):
      perform(intake.submit(message, envelopes: Int(envelopes), from: generation))
    case .abort(let id, let envelopes):
      perform(intake.abort(id, envelopes: Int(envelopes), from: generation))
    case .reconcile(let ids): reconcile(ids, generation)
    }
  }

  /// Answers submits of an edge before this one: what is in the store was accepted.
  private func reconcile(_ ids: [MessageID], _ generation: UInt32) {
    for id in ids {
      guard let before = EnvelopeID(message: id, low: 1) else { continue }
      queue.worker.read({ store throws(StoreError) in
        let first = try store.page(after: EnvelopeID(before.rawValue - 1), limit: 1)
        return first.envelopes.first?.message.id == id
      }) { [unowned self] result in
        guard let edge = frontends[generation] else { return }
        if case .success(true) = result {
          edge.send(.stored(id))
        } else {
          edge.send(.refused(id, Intake.notStored))
        }
      }
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
      perform(intake.stageFailed(id, Intake.notStored))
      return
    }
    let writer = stagedBodies[id] ?? StagedWriter(stage: stage, message: id, on: stageLoop)
    stagedBodies[id] = writer
    run(writer, id, { $0.append(bytes) }) { [unowned self] in
      perform(intake.staged(id, written: bytes.count))
    }
  }

  private func finishStage(_ id: MessageID) {
    guard let writer = stagedBodies.removeValue(forKey: id) else { return }
    run(writer, id, { $0.finish() }) { [unowned self] in perform(intake.stageFinished(id)) }
  }

  private func discardStage(_ id: MessageID) {
    if let writer = stagedBodies.removeValue(forKey: id) {
      stageLoop.execute { writer.discard() }
    } else if let stage {
      stageLoop.execute { try? stage.remove(id) }
    }
  }

  private func run(
    _ writer: StagedWriter,
    _ id: MessageID,
    _ body: @escaping @Sendable (StagedWriter) -> StoreError?,
    finished: @escaping () -> Void
  ) {
    let loop = queue.context.loop
    let done = NIOLoopBound(finished, eventLoop: loop)
    let me = NIOLoopBound(self, eventLoop: loop)
    stageLoop.execute {
      let error = body(writer)
      loop.execute {
        if let error {
          me.value.queue.context.log.warn("queue: message \(id): \(error)")
          me.value.perform(me.value.intake.stageFailed(id, IntakeDesk.reply(to: error)))
        } else {
          done.value()
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

  func append(_ bytes: [UInt8]) -> StoreError? {
    attempt { () throws(StoreError) in
      if body.value == nil { body.value = try stage.begin(message) }
      try body.value?.append(bytes)
    }
  }

  func finish() -> StoreError? {
    attempt { () throws(StoreError) in try body.value?.finish() }
  }

  func discard() { body.value?.discard() }

  private func attempt(_ work: () throws(StoreError) -> Void) -> StoreError? {
    do throws(StoreError) {
      try work()
      return nil
    } catch {
      return error
    }
  }
}
