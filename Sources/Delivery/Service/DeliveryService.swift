// SPDX-License-Identifier: ISC

package import DNS
package import Mail
package import NIOCore
package import TLS

/// Everything that the delivering role does, without its edges: tasks in, outcomes out.
///
/// One event loop owns it; every call and every effect happens there. It holds no promise about the
/// order of outcomes. To be kept alive until `shutDown` has completed.
package final class DeliveryService {
  let eventLoop: any EventLoop
  private(set) var settings: DeliverySettings
  let clock: () -> Instant
  private let effect: (DeliveryEffect) -> Void
  private var ledger = TaskLedger()
  /// False while there is no edge to it. Tasks come over one.
  private var hasQueue = true
  /// Bodies that were asked for, by task.
  private var inflows: [UInt64: OpenBody] = [:]
  private var hostTurn = 0
  private var lastRequest: UInt64 = 0
  private var ending: EventLoopPromise<Void>?
  let tls: RelayTLS
  private lazy var relays = RelayDriver(self)
  private lazy var commands = LocalDriver(self)
  private(set) lazy var sockets = LocalSocketConnector(self)
  private(set) lazy var logins = LoginQuestions(self)

  private struct OpenBody {
    var inflow: BodyInflow
    var consumer: ((BodyInflow.Piece) -> Void)?
    var isDraining = false
  }

  /// - Parameters:
  ///   - clock: civil time, for the log.
  ///   - signer: signs with the keys of client certificates.
  package init(
    on eventLoop: any EventLoop,
    settings: DeliverySettings,
    clock: @escaping () -> Instant,
    signer: @escaping TLSHandler.Signer = { _, _, answer in answer(nil) },
    effect: @escaping (DeliveryEffect) -> Void
  ) {
    tls = RelayTLS(signer: signer)
    self.eventLoop = eventLoop
    self.effect = effect
    self.settings = settings
    self.clock = clock
  }

  // MARK: The queue

  /// The queue wants this delivered. A task that is known already is ignored, or its report repeated.
  package func begin(_ task: DeliveryTask) {
    switch ledger.begin(task) {
    case .known: return
    case .reported(let report): return effect(.report(report))
    case .begun: break
    }
    switch settings.actions[task.action] {
    case nil:
      conclude(task.id, .temporary(nil, "Action \(task.action) is not in the configuration"))
    case .relay(let action) where action.tables.isEmpty:
      beginRelay(task, action)
    case .relay(let action): askTables(task, action)
    case .lmtp(let action) where task.isForAction:
      detectLoops(task) { [relays] in
        relays.begin(task.id, RelayKey(lmtp: action, named: task.action))
      }
    case .expansion where task.isForAction:
      // Lookup refuses such recipients: the action was another one when this one came.
      let text = "Action \(task.action) delivers to no user"
      conclude(task.id, .temporary(EnhancedStatus(.temporary, 2, 4), text))
    case .command, .lmtp, .expansion:
      commands.begin(task)
    }
  }

  /// More of a body, in order and within what was granted.
  package func bodyArrived(task: UInt64, _ chunk: ByteBuffer) {
    inflows[task]?.inflow.arrived(chunk)
    drainBody(task)
  }

  /// The body is complete.
  package func bodyEnded(task: UInt64) {
    inflows[task]?.inflow.ended()
    drainBody(task)
  }

  /// The queue cannot give this body: the task's try ends without a delivery.
  package func bodyFailed(task: UInt64, reason: String) {
    inflows[task]?.inflow.fail(reason)
    drainBody(task)
  }

  /// The queue has these reports durable; they are forgotten.
  package func acknowledged(_ tasks: [UInt64]) {
    for task in tasks { ledger.acknowledge(task) }
  }

  /// The tasks that have no outcome yet, for a reconciliation.
  package var inFlight: [UInt64] { ledger.inFlight }

  /// Of all tasks that have no outcome yet.
  var envelopesInFlight: Int { ledger.envelopesInFlight }

  /// The reports that were not acknowledged, for a reconciliation.
  package var unacknowledged: [TaskReport] { ledger.unacknowledged }

  /// The edge to the queue is gone, and nobody gives bodies until `queueReplaced`: those that were on their
  /// way end, their tasks are deferred.
  package func queueLost() {
    hasQueue = false
    for task in Array(inflows.keys) { bodyFailed(task: task, reason: Self.queueIsGone) }
  }

  /// The edge to the queue was made anew: bodies that were on their way over another one end.
  package func queueReplaced() {
    queueLost()
    hasQueue = true
  }

  private static let queueIsGone = "The queue is restarting"

  // MARK: Lookup

  /// The answer to `fetchLogin`.
  package func loginAnswered(request: UInt64, _ answer: LoginAnswer) {
    logins.answered(request, answer)
  }

  // MARK: The resolver

  package func answered(_ question: DNSQuestion, _ answer: DNSAnswer) {
    relays.answered(question, answer)
  }

  /// The edge to the resolver was made anew: open questions are asked again.
  package func resolverReplaced() { relays.askAgain() }

  // MARK: Lookup

  /// The answer to `askTables`.
  package func relayAnswered(task id: UInt64, _ answer: RelayAnswer) {
    guard let task = ledger[id] else { return }
    guard case .relay(let action)? = settings.actions[task.action] else {
      return conclude(id, .temporary(nil, "Action \(task.action) is not in the configuration"))
    }
    switch answer {
    case .refused(let text): relays.fail(id, RelayFailure(.temporary, 3, 5, text))
    case .facts(let host, let sources, let names):
      beginRelay(task, action.completed(host: host, sources: sources, heloNames: names))
    }
  }

  // MARK: The supervisor

  /// The command runs. Takes both descriptors over: the write end of its standard input, and the read
  /// end of a pipe that is its standard output and error.
  package func commandStarted(request: UInt64, input: CInt, output: CInt) {
    commands.started(request, input: input, output: output)
  }

  /// - Parameter unread: bytes of its standard input that were written and read by nobody.
  package func commandEnded(request: UInt64, _ exit: CommandExit, unread: Int = 0) {
    if !sockets.ended(request, exit) { commands.ended(request, exit, unread: unread) }
  }

  /// The local socket is connected. Takes the descriptor over.
  package func socketConnected(request: UInt64, _ descriptor: CInt) {
    sockets.connected(request, descriptor)
  }

  /// The edge to the supervisor was made anew: commands without an end are deferred.
  package func supervisorReplaced() {
    commands.supervisorReplaced()
    sockets.abandon()
  }

  // MARK: The role

  /// A new projection, for tasks and connections that begin from now on.
  package func reconfigure(_ settings: DeliverySettings) {
    self.settings = settings
    relays.reconfigure()
    commands.reconfigure()
  }

  /// All relays as they are now, and the moment on their clock.
  package var relaySummaries: (relays: [RelaySummary], now: Instant) {
    let now = relays.now
    return (relays.pool.summaries(at: now), now)
  }

  var relayCounts: RelayPool.Counts { relays.pool.counts }
  var localCounts: LocalPool.Counts { commands.counts }

  /// Certificates for connections that begin from now on.
  package func use(_ certificates: RelayCertificates) { tls.certificates = certificates }

  /// Ends idle sessions; completes `promise` when nothing is in flight any more.
  package func shutDown(promise: EventLoopPromise<Void>) {
    if let ending { return ending.futureResult.cascade(to: promise) }
    ending = promise
    relays.quitIdleSessions()
    completeEnding()
  }

  private func completeEnding() {
    guard let ending, ledger.inFlightCount == 0 else { return }
    ending.succeed()
  }

  // MARK: Relays

  private func beginRelay(_ task: DeliveryTask, _ action: RelayAction) {
    let key: RelayKey
    if action.hosts.isEmpty {
      guard let domain = onlyDomain(of: task) else { return }
      key = RelayKey(domain: domain, port: settings.exchangerPort, action: action)
    } else {
      hostTurn = (hostTurn + 1) % action.hosts.count
      key = RelayKey(host: action.hosts[hostTurn], action: action, named: task.action)
    }
    guard key.mode != .contradiction else {
      let text = "TLS required but forbidden by \(key.transport.rawValue)://"
      return conclude(task.id, .temporary(EnhancedStatus(.temporary, 7, 0), text))
    }
    relays.begin(task.id, key)
  }

  private func askTables(_ task: DeliveryTask, _ action: RelayAction) {
    let isOfDomain = action.tables.contains(.domains)
    guard let domain = isOfDomain ? onlyDomain(of: task) : "" else { return }
    effect(.askTables(task: task.id, action: task.action, domain: domain))
  }

  /// The domain of all its envelopes, in lower case. The queue has seen to it that there is one.
  private func onlyDomain(of task: DeliveryTask) -> String? {
    let domain = task.envelopes[0].destination.domain.lowercased()
    guard task.envelopes.allSatisfy({ $0.destination.domain.lowercased() == domain }) else {
      conclude(task.id, .temporary(nil, "The task has several destinations"))
      return nil
    }
    return domain
  }

  /// Whether all tasks of that one's destination would take the same way as it.
  func hasOneWay(_ task: UInt64) -> Bool {
    guard let action = ledger[task]?.action, case .relay(let relay)? = settings.actions[action]
    else { return false }
    return relay.hosts.count <= 1 && !relay.tables.contains(.hosts)
  }

  // MARK: What the drivers use

  /// A number for what is asked of the supervisor.
  func nextRequest() -> UInt64 {
    lastRequest += 1
    return lastRequest
  }

  func emit(_ effect: DeliveryEffect) { self.effect(effect) }

  func log(_ line: String) { effect(.log(line)) }

  func task(_ id: UInt64) -> DeliveryTask? { ledger[id] }

  /// Notes the outcome of one envelope.
  func note(_ task: UInt64, _ position: Int, _ outcome: DeliveryOutcome, peer: String = "") {
    _ = ledger.note(task, position, outcome, peer: peer)
  }

  func undecided(_ task: UInt64) -> [Int] { ledger.undecided(task) }

  /// Gives all envelopes without one this outcome, and ends the task.
  func conclude(_ task: UInt64, _ outcome: DeliveryOutcome) {
    for position in ledger.undecided(task) { note(task, position, outcome) }
    end(task)
  }

  /// Every envelope has its outcome.
  func end(_ task: UInt64) {
    closeBody(task)
    guard let report = ledger.end(task) else { return }
    effect(.report(report))
    completeEnding()
  }

  // MARK: Bodies

  /// Lets the body of a task come, at most a window ahead of what is passed on. One that came with the
  /// task, or is on its way, is not asked for.
  func openBody(_ task: DeliveryTask) {
    guard task.body == nil, inflows[task.id] == nil else { return }
    let window = settings.bodyWindow
    inflows[task.id] = OpenBody(inflow: BodyInflow(size: task.message.size, window: window))
    guard hasQueue else { return bodyFailed(task: task.id, reason: Self.queueIsGone) }
    effect(.grantBody(task: task.id, bytes: window))
  }

  /// Hands the body to `consumer`, from its first byte. Once, but after `putBackBody`.
  func passBody(_ task: DeliveryTask, to consumer: @escaping (BodyInflow.Piece) -> Void) {
    if let body = task.body {
      guard body.readableBytes == task.message.size else {
        return consumer(.failed("The message is cut off"))
      }
      consumer(.chunk(body))
      return consumer(.end)
    }
    inflows[task.id]?.consumer = consumer
    drainBody(task.id)
  }

  /// So many bytes of the body left this role.
  func bodyPassedOn(_ task: UInt64, _ bytes: Int) {
    guard let more = inflows[task]?.inflow.passedOn(bytes) else { return }
    effect(.grantBody(task: task, bytes: more))
  }

  /// No more of the body is wanted.
  private func closeBody(_ task: UInt64) {
    guard let body = inflows.removeValue(forKey: task), !body.inflow.isOver else { return }
    effect(.cancelBody(task: task))
  }

  /// Hands over what waits; a consumer that ends the task ends the loop with it.
  private func drainBody(_ task: UInt64) {
    guard let body = inflows[task], !body.isDraining else { return }
    inflows[task]?.isDraining = true
    while let consumer = inflows[task]?.consumer, let piece = inflows[task]?.inflow.take() {
      consumer(piece)
    }
    inflows[task]?.isDraining = false
  }

  /// The next consumer gets these pieces first; there is none until then.
  func putBackBody(_ task: UInt64, _ pieces: [BodyInflow.Piece]) {
    inflows[task]?.consumer = nil
    inflows[task]?.inflow.putBack(pieces)
  }
}
