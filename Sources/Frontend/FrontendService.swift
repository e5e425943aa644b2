// SPDX-License-Identifier: ISC

package import Configuration
internal import DNS
internal import Glibc
package import Interprocess
internal import KeysEdge
internal import Mail
internal import NIOCore
internal import NIOPosix
internal import ResolverEdge
internal import SMTP

/// The frontend role: accepts on the listeners, runs a session for each connection, and brings what
/// they take to lookup and queue.
package final class FrontendService: RoleService {
  typealias LookupEdge = Edge<FrontendToLookup, LookupToFrontend>
  typealias QueueEdge = Edge<FrontendToQueue, QueueToFrontend>

  let context: RoleContext
  let projection: FrontendProjection
  let sessionsMax: Int
  private var clients: ClientSessions
  private(set) var lookup: LookupEdge?
  private(set) var lookupGeneration: UInt32 = 0
  private(set) var queue: QueueEdge?
  private var queueGeneration: UInt32 = 0
  private(set) var names: ReverseNames?
  let hostNames: HostNames
  let keys: KeysClient
  let tls: ListenerTLS
  let authentications: AuthenticationDesk
  private var statistics: FrontendStatistics?
  private var identifiers = IdentifierPool()
  private var admission: Reply?
  private var waitingForIdentifiers: [() -> Void] = []
  /// Questions to lookup that are not answered.
  var questions: [UInt64: Question] = [:]
  var nextToken: UInt64 = 0
  private(set) var transactions: [MessageID: OpenTransaction] = [:]
  /// Sessions that the queue may have something to say to: from their first recipient on.
  var owners: [MessageID: SessionHandler] = [:]
  var submitted: Set<MessageID> = []
  var recipientDeadlines = AnswerDeadlines<UInt64>(limit: EdgeLimits.recipientAnswer)
  var submitDeadlines = AnswerDeadlines<MessageID>(limit: FrontendService.submitAnswer)
  var servers: [any Channel] = []
  /// The submission socket, which no pause closes.
  var submissionServer: (any Channel)?
  let submitters = LocalSubmitters()
  let openEnvelopes = OpenEnvelopes()
  private(set) var isListening = true
  private(set) var isStopping = false
  private var sessions: [ObjectIdentifier: SessionHandler] = [:]
  /// Connections that a proxy has yet to say something of.
  var awaitedHeaders = AwaitedHeaders()
  private var shareWarning = WarningPace(interval: 60_000)
  var counters = SessionCounters()

  package init(context: RoleContext, projection: FrontendProjection, descriptorsMax: Int) {
    self.context = context
    self.projection = projection
    sessionsMax = max(1, min(projection.limits.sessionsMax, descriptorsMax - 64))
    clients = ClientSessions(
      limit: projection.limits.clientSessionsMax,
      sessionsMax: sessionsMax
    )
    keys = KeysClient(context)
    tls = ListenerTLS(projection, keys)
    authentications = AuthenticationDesk(context)
    names = ReverseNames(context)
    hostNames = HostNames(context)
    statistics = FrontendStatistics(self)
    watchAnswers()
    context.tell(.ready)
  }

  // MARK: - Supervisor

  package func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    switch peer {
    case .lookup: connectLookup(generation, descriptor)
    case .queue: connectQueue(generation, descriptor)
    case .resolver: names?.connect(descriptor)
    case .keys: keys.connect(generation, descriptor)
    case .control: statistics?.connect(descriptor)
    default: _ = Descriptor(owning: descriptor)
    }
  }

  package func stop(within milliseconds: UInt32, finished: @escaping () -> Void) {
    isStopping = true
    for server in servers { server.close(promise: nil) }
    submissionServer?.close(promise: nil)
    for session in Array(sessions.values) { session.stopServing() }
    let loop = context.loop.assumeIsolated()
    let deadline = Clock.rising() + Int64(milliseconds) / 2
    func wait() {
      if sessions.isEmpty || Clock.rising() >= deadline { return finished() }
      loop.scheduleTask(in: .milliseconds(20)) { wait() }
    }
    wait()
  }

  // MARK: - Connections

  private func setListening(_ wanted: Bool) {
    guard wanted != isListening else { return }
    isListening = wanted
    for server in servers {
      _ = server.setOption(.autoRead, value: wanted)
      if wanted { server.read() }
    }
  }

  /// What is said to a new connection.
  enum Welcome: Equatable {
    case served(ClientSessions.Place)
    case tooMany(ServerSession.Crowd)

    var isServed: Bool { if case .served = self { true } else { false } }
  }

  /// A connection begins. One that is not served is not `end`ed as a session of its client.
  func begin(_ session: SessionHandler) -> Welcome {
    let place = clients.beginOfRoot(session.user)
    let hasRoom = place != nil || makeRoom()
    sessions[ObjectIdentifier(session)] = session
    counters.begun(session.source)
    if let place { return .served(place) }
    guard hasRoom, session.client == .known else { return .tooMany(.ofAll) }
    if let place = clients.begin(session.source) { return .served(place) }
    if ClientSessions.isBounded(session.source) { return .tooMany(.ofClient) }
    if shareWarning.isDue(at: Clock.rising()) {
      context.log.warn(
        "frontend: this machine's programs have all their \(clients.machineMax) sessions of \(sessionsMax), over "
          + "loopback and for sendmail: more of them are refused"
      )
    }
    return .tooMany(.ofMachine)
  }

  func end(_ session: SessionHandler) {
    sessions[ObjectIdentifier(session)] = nil
    if let encryption = session.securedBy { counters.ended(encryption) }
    if case .served(let place) = session.welcome { clients.end(session.source, at: place) }
  }

  var openSessions: Int { sessions.count }

  /// Whether one more connection is within the limit, beside which root has a few.
  var isRoomLeft: Bool {
    sessions.count - clients.ofRoot + awaitedHeaders.count < sessionsMax
  }

  // MARK: - What sessions ask

  /// A new transaction, or why there is none. Calls back at once unless identifiers have to come.
  func beginTransaction(
    _ mail: MailCommand,
    facts: SessionFacts,
    _ finished: @escaping (ServerSession.TransactionAnswer, OpenTransaction?) -> Void
  ) {
    if let admission { return finished(.refused(admission), nil) }
    guard queue != nil else { return finished(.refused(FrontendService.noQueue), nil) }
    guard let id = identifiers.take() else {
      askForIdentifiers()
      waitingForIdentifiers.append { [self] in beginTransaction(mail, facts: facts, finished) }
      return
    }
    askForIdentifiers()
    var message = Message(
      id: id,
      sender: mail.sender,
      created: Clock.now(),
      size: 0,
      session: facts
    )
    message.content = mail.content
    message.returnContent = mail.returnContent
    message.envelopeIdentifier = mail.envelopeIdentifier
    let transaction = OpenTransaction(id: id, message: message)
    transactions[id] = transaction
    finished(.opened(id), transaction)
  }

  static let noQueue = Reply(
    451,
    EnhancedStatus(.temporary, 3, 0),
    "Temporary failure: the queue is not running, try again later"
  )

  private func askForIdentifiers() {
    guard identifiers.isLow, let queue else { return }
    identifiers.isAsking = true
    queue.send(.reserve)
  }

  func send(_ body: [UInt8], of transaction: OpenTransaction, for session: SessionHandler) {
    guard let queue else { return session.transactionFailed(FrontendService.noQueue) }
    owners[transaction.id] = session
    var rest = body[...]
    while !rest.isEmpty {
      let chunk = rest.prefix(EdgeLimits.bodyChunk)
      rest = rest.dropFirst(chunk.count)
      queue.send(.body(transaction.id, Array(chunk)))
    }
    transaction.unacknowledged += body.count
  }

  func submit(_ message: Message, of transaction: OpenTransaction, for session: SessionHandler) {
    guard let queue else {
      transactions[transaction.id] = nil
      return session.submitAnswered(.refused(FrontendService.noQueue))
    }
    owners[transaction.id] = session
    submitted.insert(transaction.id)
    submitDeadlines.asked(transaction.id, at: Clock.rising())
    queue.send(
      .submit(
        message,
        envelopes: transaction.recipients.envelopes,
        edge: transaction.oldestEdge
      )
    )
  }

  /// The session does not want the transaction any more; the queue is told once lookup has said how
  /// many envelopes there are to forget.
  func abort(_ transaction: OpenTransaction) {
    if !transaction.isAborted, transaction.questions > 0 {
      let session = transaction.message.session
      lookup?.send(.ended(session.id, session.source))
    }
    transaction.isAborted = true
    owners[transaction.id] = nil
    guard transaction.questions == 0 else { return }
    transactions[transaction.id] = nil
    transaction.share = nil
    queue?.send(.abort(transaction.id, envelopes: transaction.recipients.envelopes.count))
  }

  // MARK: - Edges

  private func connectLookup(_ generation: UInt32, _ descriptor: CInt) {
    // What the last one was asked and has answered still counts, until its edge ends.
    lookupGeneration = generation
    let edge = LookupEdge(
      descriptor: descriptor,
      peer: .lookup,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .accepted(let token, let taken, let edge, let envelopes):
          answer(token, .accepted(envelopes, taken: Int(taken), edge: edge))
        case .refused(let token, let reply): answer(token, .refused(reply))
        case .hostName(let token, let name): hostNames.answered(token, name)
        case .authentication(let token, let verdict): authentications.answered(token, verdict)
        case .sender(let token, let verdict): authentications.answered(token, verdict)
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .lookup)
        if lookupGeneration == generation { lookup = nil }
        for (token, question) in questions where question.generation == generation {
          answer(token, .refused(FrontendService.noLookup))
        }
        authentications.ended(generation)
      }
    )
    lookup = edge
    authentications.connect(edge, generation)
  }

  private func connectQueue(_ generation: UInt32, _ descriptor: CInt) {
    // The end of the last one was not seen yet: what was open there is unknown to the new one.
    let lost = exchange(&queue, with: nil)
    queueGeneration = generation
    identifiers.clear()
    if lost != nil { failOpenTransactions() }
    let edge = QueueEdge(
      descriptor: descriptor,
      peer: .queue,
      on: context.loop,
      receive: { [unowned self] message in
        // Of an edge that was replaced only the answers count.
        switch message {
        case .stored, .refused: break
        case .block, .admission, .credit, .listening:
          guard queueGeneration == generation else { return }
        }
        received(message)
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .queue)
        guard queueGeneration == generation else { return }
        queueLost()
      }
    )
    queue = edge
    let owed = submitted.compactMap { id in
      transactions[id].map { OwedSubmit(id, of: $0.message.session.id) }
    }
    edge.send(.reconcile(owed))
    askForIdentifiers()
  }

  private func received(_ message: QueueToFrontend) {
    switch message {
    case .block(let first, let count):
      identifiers.add(first: first, count: count)
      let waiting = waitingForIdentifiers
      waitingForIdentifiers = []
      for begin in waiting { begin() }
    case .admission(let reply): admission = reply
    case .credit(let id, let bytes):
      guard let transaction = transactions[id] else { return }
      transaction.unacknowledged -= Int(bytes)
      owners[id]?.creditArrived()
    case .stored(let id): finish(id, .stored)
    case .refused(let id, let reply): finish(id, .refused(reply))
    case .listening(let state): setListening(state == 1)
    }
  }

  func finish(_ id: MessageID, _ answer: ServerSession.MessageAnswer) {
    // No credit comes any more, and none is needed: the session reads on, to the end of the data.
    let over = transactions.removeValue(forKey: id)
    over?.unacknowledged = 0
    over?.share = nil
    if case .refused = answer { over?.recipients = AcceptedRecipients() }
    let wasSubmitted = submitted.remove(id) != nil
    guard let session = owners.removeValue(forKey: id) else { return }
    if wasSubmitted {
      session.submitAnswered(answer)
    } else if case .refused(let reply) = answer {
      session.transactionFailed(reply)
    }
  }

  /// The queue is gone: open transactions fail; submits wait for the new one, for a while.
  private func queueLost() {
    queue = nil
    identifiers.clear()
    failOpenTransactions()
    let waiting = waitingForIdentifiers
    waitingForIdentifiers = []
    for begin in waiting { begin() }
    let asked = submitted
    context.loop.assumeIsolated().scheduleTask(in: .seconds(30)) { [unowned self] in
      guard queue == nil else { return }
      for id in asked where submitted.contains(id) { finish(id, .refused(FrontendService.noQueue)) }
    }
  }

  private func failOpenTransactions() {
    for (id, transaction) in transactions where !submitted.contains(id) {
      transaction.unacknowledged = 0
      transaction.share = nil
      owners[id]?.transactionFailed(FrontendService.noQueue)
    }
  }
}
