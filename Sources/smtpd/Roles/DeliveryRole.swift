// SPDX-License-Identifier: ISC

internal import Configuration
internal import ControlProtocol
internal import DNS
internal import Delivery
internal import Glibc
internal import Interprocess
internal import KeysEdge
internal import Mail
internal import NIOCore
internal import Queue
internal import ResolverEdge

/// The delivery role: connects `DeliveryService` with queue, resolver and supervisor.
final class DeliveryRole: RoleService {
  typealias QueueEdge = Edge<DeliveryToQueue, QueueToDelivery>
  typealias ResolverEdgeEnd = Edge<ResolverQuery, ResolverReply>

  private let context: RoleContext
  private let keys: KeysClient
  private let lookup: LookupClient
  private var service: DeliveryService?
  private var queue: QueueEdge?
  private var resolver: ResolverEdgeEnd?
  private var resolverGeneration: UInt32 = 0
  private var control: Edge<RoleToControl, ControlToRole>?
  private var controlGeneration: UInt32 = 0
  /// The envelopes of every task that the queue has not recorded.
  private var tasks: [UInt64: [EnvelopeID]] = [:]
  private var questions: [UInt64: DNSQuestion] = [:]
  private var relays = RelayListing()
  private var nextToken: UInt64 = 0
  private var delivered = 0

  init(_ context: RoleContext, _ projection: DeliveryProjection) {
    self.context = context
    keys = KeysClient(context)
    lookup = LookupClient(context)
    service = DeliveryService(
      on: context.loop,
      settings: DeliverySettings(projection),
      clock: Clock.now,
      signer: keys.sign,
      effect: { [unowned self] in perform($0) }
    )
    lookup.logins.answer = { [unowned self] request, answer in
      service?.loginAnswered(request: request, answer)
    }
    lookup.relayTables.answer = { [unowned self] task, answer in
      service?.relayAnswered(task: task, answer)
    }
    context.tell(.ready)
  }

  // MARK: - Supervisor

  func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    switch peer {
    case .queue: connectQueue(descriptor)
    case .resolver: connectResolver(generation, descriptor)
    case .keys: keys.connect(generation, descriptor)
    case .lookup: lookup.connect(generation, descriptor)
    case .control: connectControl(generation, descriptor)
    default: _ = Descriptor(owning: descriptor)
    }
  }

  func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    switch message {
    case .commandStarted(let task) where descriptors.count == 2:
      service?.commandStarted(request: task, input: descriptors[0], output: descriptors[1])
      return
    case .connected(let task) where descriptors.count == 1:
      service?.socketConnected(request: task, descriptors[0])
      return
    case .certificates where descriptors.count == 1: return useCertificates(descriptors[0])
    case .commandFailed(let task, let reason):
      service?.commandEnded(request: task, .refused(reason))
    case .commandEnded(let task, let status, let unread):
      let signal = status & 0x7f
      let exit: CommandExit =
        switch signal {
        case 0: .exited(code: UInt8(truncatingIfNeeded: status >> 8))
        case SIGALRM: .timedOut
        default: .signalled(signal)
        }
      service?.commandEnded(request: task, exit, unread: Int(unread))
    default: break
    }
    for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
  }

  private func useCertificates(_ descriptor: CInt) {
    guard let bytes = SealedFile.read(descriptor),
      let package = try? CertificatePackage(decoding: bytes)
    else { return context.log.warn("delivery: certificates from nowhere") }
    service?.use(RelayCertificates(package))
    keys.shows(package.generation)
  }

  func stop(within milliseconds: UInt32, finished: @escaping () -> Void) {
    let loop = context.loop.assumeIsolated()
    var isFinished = false
    func finish() {
      guard !isFinished else { return }
      isFinished = true
      finished()
    }
    let promise = context.loop.makePromise(of: Void.self)
    // The last reports leave before the process does.
    promise.futureResult.assumeIsolated().whenComplete { _ in
      loop.scheduleTask(in: .milliseconds(20)) { finish() }
    }
    service?.shutDown(promise: promise)
    loop.scheduleTask(in: .milliseconds(Int64(milliseconds) / 5)) { finish() }
  }

  // MARK: - Edges

  private func connectQueue(_ descriptor: CInt) {
    // What it still carries is its work, which the new one does not know of.
    queue?.close()
    let edge = QueueEdge(
      descriptor: descriptor,
      peer: .queue,
      on: context.loop,
      receive: { [unowned self] in received($0) },
      ended: { [unowned self] ending in
        context.report(ending, of: .queue)
        queue = nil
        service?.queueLost()
      }
    )
    queue = edge
    for (task, envelopes) in tasks { edge.send(.inHand(task: task, envelopes)) }
    edge.send(.reconcile)
    service?.queueReplaced()
    for report in service?.unacknowledged ?? [] { send(report) }
  }

  private func received(_ message: QueueToDelivery) {
    switch message {
    case .deliver(let task, let message, let envelopes, let body):
      guard let first = envelopes.first else { return }
      tasks[task] = envelopes.map(\.id)
      service?.begin(
        DeliveryTask(
          id: task,
          message: message,
          envelopes: envelopes,
          action: first.action,
          body: body.map { ByteBuffer(bytes: $0) }
        )
      )
    case .body(let task, let bytes): service?.bodyArrived(task: task, ByteBuffer(bytes: bytes))
    case .bodyEnd(let task): service?.bodyEnded(task: task)
    case .bodyFailed(let task, let reason): service?.bodyFailed(task: task, reason: reason)
    case .recorded(let ids):
      for id in ids { tasks[id] = nil }
      service?.acknowledged(ids)
    }
  }

  private func connectResolver(_ generation: UInt32, _ descriptor: CInt) {
    resolverGeneration = generation
    resolver = ResolverEdgeEnd(
      descriptor: descriptor,
      peer: .resolver,
      on: context.loop,
      receive: { [unowned self] reply in
        guard let question = questions.removeValue(forKey: reply.token) else { return }
        service?.answered(question, reply.answer)
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .resolver)
        // One that was replaced may end later than its successor begins.
        if resolverGeneration == generation { resolver = nil }
      }
    )
    questions = [:]
    service?.resolverReplaced()
  }

  private func connectControl(_ generation: UInt32, _ descriptor: CInt) {
    controlGeneration = generation
    relays.cancelAll()
    control = Edge(
      descriptor: descriptor,
      peer: .control,
      on: context.loop,
      receive: { [unowned self] message in
        for answer in answers(to: message) { control?.send(answer) }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .control)
        if controlGeneration == generation { control = nil }
      }
    )
  }

  private func answers(to message: ControlToRole) -> [RoleToControl] {
    switch message.request {
    case .showRelays:
      let (known, now) = service?.relaySummaries ?? ([], Clock.now())
      return relays.begin(known, id: message.id, at: now)
    case .more: return relays.more(id: message.id)
    case .cancel:
      relays.cancel(id: message.id)
      return []
    default:
      let rows = (service?.counts ?? []).map { Statistic($0.name, Int64($0.count)) }
      let answer = context.commonAnswer(to: message.request) ?? .statistics(rows)
      return [RoleToControl(id: message.id, answer)]
    }
  }

  // MARK: - Effects

  private func perform(_ effect: DeliveryEffect) {
    switch effect {
    case .report(let report): send(report)
    case .grantBody(let task, let bytes): queue?.send(.credit(task: task, UInt32(clamping: bytes)))
    case .cancelBody(let task): queue?.send(.cancelBody(task: task))
    case .release(let hold, let count):
      queue?.send(.release(key: hold.rawValue, count: count.map { UInt32(clamping: $0) }))
    case .destinationRests(let task, let pause):
      let milliseconds = UInt32(clamping: pause.wholeMilliseconds)
      queue?.send(.destinationRests(task: task, milliseconds: milliseconds))
    case .resolve(let question): ask(question)
    case .fetchLogin(let request, let action, let label):
      lookup.logins.ask(request, action: action, label: label)
    case .askTables(let task, let action, let domain):
      lookup.relayTables.ask(task, action: action, domain: domain)
    case .startCommand(let request): start(request)
    case .connectSocket(let request, let action):
      context.tell(.connect(task: request, action: action))
    case .commandFed(let request): context.tell(.fed(task: request))
    case .killCommand(let request): context.tell(.endCommand(task: request))
    case .log(let line): context.log.line(line)
    }
  }

  private func send(_ report: TaskReport) {
    queue?.send(
      .report(
        task: report.task,
        report.outcomes.map { outcome in
          var report = DeliveryReport(outcome.outcome)
          report.peer = Envelope.peerName(outcome.peer)
          return EnvelopeReport(envelope: outcome.envelope, report: report)
        }
      )
    )
  }

  private func ask(_ question: DNSQuestion) {
    nextToken += 1
    let token = nextToken
    guard let resolver else {
      // Asked again when the resolver is back, or answered as temporary after a while.
      context.loop.assumeIsolated().scheduleTask(in: .seconds(2)) { [unowned self] in
        guard self.resolver == nil else { return }
        service?.answered(question, DNSAnswer(.temporary(.unavailable)))
      }
      return
    }
    questions[token] = question
    resolver.send(ResolverQuery(token: token, question: question))
  }

  private func start(_ request: LocalCommandRequest) {
    guard case .local(let local) = request.envelope.kind else { return }
    context.tell(
      .startCommand(
        CommandRequest(
          task: request.id,
          action: request.action,
          user: local.user,
          subaddress: local.subaddress,
          method: local.method,
          sender: request.sender,
          recipient: request.envelope.recipient,
          destination: request.envelope.destination,
          size: UInt64(request.length)
        )
      )
    )
  }
}

extension DeliveryReport {
  /// An outcome of the delivering role as the queue records it.
  init(_ outcome: DeliveryOutcome) {
    switch outcome {
    case .delivered(let text, _, let support):
      self.init(.delivered, text: text)
      successNotice = support == .promised ? .nextHost : .ours
    case .temporary(let status, let text): self.init(.temporary, status: status, text: text)
    case .permanent(let status, let text): self.init(.permanent, status: status, text: text)
    case .loop(let text):
      self.init(.loop, status: EnhancedStatus(.permanent, 4, 6), text: text)
    case .held(let hold):
      self.init(.held, text: "")
      holdKey = hold.rawValue
    }
  }
}
