// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Interprocess
internal import Mail
internal import Queue
internal import Scheduler

/// Answers operators: what is in the queue, and what is to be done with it.
///
/// Large answers are made page by page, a page for a credit, and hold nothing open in between; new
/// mail and deliveries go first on the store's thread.
final class QueryDesk {
  typealias ControlEdge = Edge<RoleToControl, ControlToRole>

  enum Limits {
    /// Envelopes that one read of the store takes.
    static let page = 512
    /// Requests at one time.
    static let requests = 256
    /// Envelopes that a bulk verb touches in one transaction; what is more is cut between two messages.
    static let transaction = 8192
    /// Removed envelopes that the log tells of one by one for a request, besides those that were in flight;
    /// the others are only counted.
    static let removalLines = 1000
    /// Messages that a request may name to be answered while the rest is still being read.
    static let named = 1024
  }

  unowned let queue: QueueService
  private var edge: ControlEdge?
  private var answers: [UInt32: any PagedAnswer] = [:]
  /// Asked before the store or the schedule could answer.
  private var early: [ControlToRole] = []
  /// Requests whose few messages are being put into the schedule before the others.
  private var adopting: [UInt32: UInt64] = [:]
  private var lastAdoption: UInt64 = 0

  init(_ queue: QueueService) { self.queue = queue }

  func connect(_ descriptor: CInt) {
    edge?.close()
    forgetRequests()
    edge = ControlEdge(
      descriptor: descriptor,
      peer: .control,
      on: queue.context.loop,
      receive: { [unowned self] in received($0) },
      ended: { [unowned self] ending in
        queue.context.report(ending, of: .control)
        edge = nil
        forgetRequests()
      }
    )
  }

  private func forgetRequests() {
    answers = [:]
    early = []
    adopting = [:]
  }

  func send(_ id: UInt32, _ response: ControlResponse) {
    edge?.send(RoleToControl(id: id, response))
    if response.isFinal { answers[id] = nil }
  }

  /// Sends a page that is encoded already.
  func send(_ id: UInt32, page: [UInt8]) {
    edge?.send(RoleToControl(id: id, finality: .more, response: page))
  }

  /// Whether anybody still waits for this request.
  func isWanted(_ answer: any PagedAnswer) -> Bool { answers[answer.id] === answer }

  /// The store is open now, or all of it is in the schedule.
  func loadingWentOn() {
    let waiting = early
    early = []
    for message in waiting { received(message) }
  }

  /// What looks at the store is answered while the schedule is still being filled; what changes the
  /// schedule or is found by it waits for all of it, or it would miss envelopes, unless it names them.
  private func canAnswer(_ request: ControlRequest) -> Bool {
    switch (request, queue.loading) {
    case (_, .complete), (.more, _), (.cancel, _), (.logLevel, _): true
    case (_, .notOpen): false
    case (.showQueue(let selection), .reading):
      selection.words.isEmpty || (try? Query(parsing: selection.words))?.scope == .everything
    case (.schedule, .reading), (.remove, .reading), (.pauseEnvelopes, .reading),
      (.resumeEnvelopes, .reading), (.reassign, .reading), (.discover, .reading),
      (.quarantineRestore, .reading):
      false
    case (_, .reading): true
    }
  }

  private func received(_ message: ControlToRole) {
    let id = message.id
    guard canAnswer(message.request) else {
      if queue.loading == .reading, let named = QueryDesk.named(message.request) {
        return adopt(named, for: message)
      }
      guard early.count < Limits.requests else {
        send(id, .failure("the queue is being read, and too many requests wait; try again"))
        return
      }
      early.append(message)
      return
    }
    answer(message)
  }

  /// The few messages that a request is about; nil when it may be about any, or is about none.
  private static func named(_ request: ControlRequest) -> [MessageID]? {
    let selection: Selection
    switch request {
    case .showQueue(let all): selection = all
    default:
      guard let verb = BulkVerb(request) else { return nil }
      selection = verb.selection
    }
    guard case .only(let messages, let envelopes)? = (try? Query(parsing: selection.words))?.scope
    else { return nil }
    let named = Set(messages).union(envelopes.map(\.message))
    return named.count <= Limits.named ? named.sorted() : nil
  }

  private func adopt(_ messages: [MessageID], for message: ControlToRole) {
    let id = message.id
    guard adopting.count < Limits.requests else {
      return send(id, .failure("too many requests at once; try again"))
    }
    lastAdoption += 1
    let number = lastAdoption
    adopting[id] = number
    queue.adoptEarly(messages) { [unowned self] result in
      guard adopting[id] == number else { return }
      adopting[id] = nil
      switch result {
      case .failure(let error): send(id, .failure("\(error)"))
      case .success: answer(message)
      }
    }
  }

  private func answer(_ message: ControlToRole) {
    let id = message.id
    switch message.request {
    case .more: answers[id]?.credit()
    case .cancel:
      answers[id] = nil
      adopting[id] = nil
      early.removeAll { $0.id == id }
    case .showQueue(let selection):
      guard let query = parse(selection, id) else { return }
      begin(QueueListing(self, id, query))
    case .showEnvelope(let envelope): begin(QueueListing(self, id, Query(envelope)))
    case .showMessage(let item): begin(BodyListing(self, id, item.message))
    case .verifyQueue: begin(Verification(self, id))
    case .quarantineList, .quarantineShow, .quarantineRestore: quarantine(message.request, id)
    case .schedule, .remove, .pauseEnvelopes, .resumeEnvelopes, .reassign:
      bulk(message.request, id)
    case .discover(let item): discover(item, id)
    case .pause(let subsystem): pause(subsystem, .paused, id)
    case .resume(let subsystem): pause(subsystem, .running, id)
    case .showStats: send(id, .statistics(queue.statisticRows()))
    case .showStatus: send(id, .status(status()))
    case .logLevel: send(id, queue.context.commonAnswer(to: message.request) ?? .done)
    case .updateTable, .explain: send(id, .failure("the queue has no tables"))
    case .updateCertificates, .showRelays: send(id, .failure("not a question for the queue"))
    }
  }

  func parse(_ selection: Selection, _ id: UInt32) -> Query? {
    guard !selection.words.isEmpty else { return .all }
    do throws(QueryError) {
      return try Query(parsing: selection.words)
    } catch {
      send(id, .failure("\(error)\n\(error.pointing(at: selection.words))"))
      return nil
    }
  }

  private func begin(_ answer: any PagedAnswer) {
    guard answers.count < Limits.requests else {
      send(answer.id, .failure("too many requests at once; try again"))
      return
    }
    answers[answer.id] = answer
    answer.credit()
  }

  private func bulk(_ request: ControlRequest, _ id: UInt32) {
    guard let verb = BulkVerb(request) else { preconditionFailure("not a verb for many") }
    guard let query = parse(verb.selection, id) else { return }
    if case .reassign(let action) = verb.effect, !queue.entries.hasAction(action) {
      send(id, .failure("the configuration has no action \"\(action)\""))
      return
    }
    begin(BulkOperation(self, id, query, verb))
  }

  private func discover(_ item: QueueItem, _ id: UInt32) {
    let message = item.message
    queue.worker.ask({ store throws(StoreError) in try store.discover(message) }) {
      [unowned self] result in
      switch result {
      case .failure(let error): send(id, .failure("\(error)"))
      case .success(let found):
        let now = Clock.now()
        // All of it, whichever envelope was named: a message goes with the last that the schedule knows.
        let new = found.filter { queue.scheduler.status(of: $0.envelope.id) == nil }
        queue.adopt(new, at: now)
        send(id, .count(new.count))
        queue.dispatchDesk?.pump()
      }
    }
  }

  private func quarantine(_ request: ControlRequest, _ id: UInt32) {
    switch request {
    case .quarantineList:
      queue.worker.ask({ store throws(StoreError) in try store.quarantined() }) {
        [unowned self] result in
        switch result {
        case .failure(let error): send(id, .failure("\(error)"))
        case .success(let records): begin(QuarantineListing(self, id, records))
        }
      }
    case .quarantineShow(let name):
      queue.worker.ask({ store throws(StoreError) in try store.quarantinedContent(name) }) {
        [unowned self] result in
        switch result {
        case .failure(.absent): send(id, .failure("nothing of that name is in quarantine"))
        case .failure(let error): send(id, .failure("\(error)"))
        case .success(let bytes): begin(BytesListing(self, id, bytes))
        }
      }
    case .quarantineRestore(let name): restore(name, id)
    default: preconditionFailure("not about the quarantine")
    }
  }

  private func restore(_ name: String, _ id: UInt32) {
    let message = QuarantinedRecord.message(named: name)
    if let message { queue.restoring[message, default: 0] += 1 }
    // Behind what is being recorded already: the end of the last sibling must not find this one there.
    queue.commit([], .now) { [unowned self] in
      restore(name, of: message, id)
    }
  }

  private func restore(_ name: String, of message: MessageID?, _ id: UInt32) {
    queue.worker.ask({ store throws(StoreError) in
      let restored = try store.restore(quarantined: name)
      var back: [StoredEnvelope] = []
      for id in restored.envelopes {
        if let stored = try store.envelope(id) { back.append(stored) }
      }
      return (back, restored.warning)
    }) { [unowned self] result in
      defer {
        if let message, let count = queue.restoring[message] {
          queue.restoring[message] = count > 1 ? count - 1 : nil
        }
      }
      switch result {
      case .failure(.absent): send(id, .failure("nothing of that name is in quarantine"))
      case .failure(let error): send(id, .failure("\(error)"))
      case .success((let back, let warning)):
        if let warning { queue.context.log.warn("queue: \(warning)") }
        queue.adopt(back, at: Clock.now())
        send(id, .count(back.count))
        queue.dispatchDesk?.pump()
      }
    }
  }

  private func pause(_ word: ControlRequest.Subsystem, _ wanted: Pauses.Wanted, _ id: UInt32) {
    let subsystem: Pauses.Subsystems =
      switch word {
      case .mda: .mda
      case .mta: .mta
      case .smtp: .smtp
      }
    let isNew = queue.setPaused(subsystem, wanted) { [unowned self] in send(id, .done) }
    guard isNew else {
      let state = wanted == .paused ? "already paused" : "already running"
      send(id, .failure("\(word.word) \(state)"))
      return
    }
    queue.context.log.info("\(word.word) \(wanted == .paused ? "paused" : "resumed")")
  }

  private func status() -> SubsystemStatus {
    var paused: Set<ControlRequest.Subsystem> = []
    if queue.pauses.current.contains(.mda) { paused.insert(.mda) }
    if queue.pauses.current.contains(.mta) { paused.insert(.mta) }
    if queue.pauses.current.contains(.smtp) { paused.insert(.smtp) }
    return SubsystemStatus(paused: paused)
  }
}

/// An answer that goes out page by page, one for each credit.
protocol PagedAnswer: AnyObject {
  var id: UInt32 { get }
  func credit()
}
