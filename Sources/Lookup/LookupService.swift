// SPDX-License-Identifier: ISC

package import Configuration
internal import ControlProtocol
package import Interprocess
internal import Mail
internal import NIOCore
internal import Policy
internal import ResolverEdge

/// The lookup role: holds the tables and the ruleset, and says what becomes of each recipient.
///
/// The envelopes of an accepted recipient go to the queue directly and before the verdict goes to the
/// frontend, which learns no more than how many they are.
package final class LookupService: RoleService {
  typealias FrontendEdge = Edge<LookupToFrontend, FrontendToLookup>
  typealias QueueEdge = Edge<LookupToQueue, QueueToLookup>

  /// Who asked, and how it is told.
  private enum Asker {
    case frontend(generation: UInt32, RecipientQuestion, TransactionRooms.Room)
    /// Where a notice of the queue goes.
    case queue(generation: UInt32, token: UInt64, MessageID)
  }

  private let context: RoleContext
  private let projection: LookupProjection
  private let expansions: ExpansionDesk
  private let rooms = TransactionRooms { Clock.rising() }
  private let tables: TableDesk
  private let explanations: ExplanationDesk
  private let confirmations: ConfirmationDesk
  private let credentials: CredentialDesk
  private let relays: RelayDesk
  private let delivery: DeliveryDesk
  private let accounts: AccountsClient
  private let names: ReverseNames
  private let edges: Edges

  /// The edges that questions and answers travel on; the desks send on them as they are now.
  private final class Edges {
    var frontends: [UInt32: FrontendEdge] = [:]
    var queue: QueueEdge?
    var queueGeneration: UInt32 = 0
    var control: Edge<RoleToControl, ControlToRole>?
  }

  /// The files of tables follow as messages of the supervisor, before the first edge.
  package init(context: RoleContext, projection: LookupProjection) {
    self.context = context
    self.projection = projection
    let edges = Edges()
    self.edges = edges
    let accounts = AccountsClient(context)
    self.accounts = accounts
    let expansions = ExpansionDesk(
      ruleset: Ruleset(projection),
      ask: { token, question in accounts.ask(LookupToAccounts(token, question)) },
      schedule: { occasion, body in
        switch occasion {
        case .soon: context.loop.assumeIsolated().execute(body)
        case .later: context.loop.executeAfterReading(body)
        }
      }
    )
    self.expansions = expansions
    let confirmations = ConfirmationDesk(
      context,
      ruleset: { expansions.ruleset },
      ask: { token, path in accounts.ask(.list(token: token, path: path)) }
    )
    self.confirmations = confirmations
    let credentials = CredentialDesk(
      context,
      listeners: projection.listeners,
      ruleset: { expansions.ruleset },
      ask: { accounts.ask($0) },
      answer: { generation, message in edges.frontends[generation]?.send(message) }
    )
    self.credentials = credentials
    let relays = RelayDesk(context, projection)
    self.relays = relays
    delivery = DeliveryDesk(context, LoginDesk { expansions.ruleset }, relays)
    tables = TableDesk(
      context: context,
      tables: projection.tables,
      place: LookupService.place(of: expansions, relays) { table in
        confirmations.forget(table)
        credentials.forget(table)
      }
    )
    let names = ReverseNames(context)
    self.names = names
    explanations = ExplanationDesk(expansions, names) { id, response in
      edges.control?.send(RoleToControl(id: id, response))
    }
    accounts.tell = { answer in
      if case .authentication(let token, let verdict) = answer {
        return credentials.answered(token, verdict)
      }
      guard let (token, answer) = answer.answer, !confirmations.answered(token, answer) else {
        return
      }
      expansions.answered(token, answer)
    }
    context.tell(.ready)
  }

  /// - Parameter forget: told of a table that says something else.
  private static func place(
    of expansions: ExpansionDesk,
    _ relays: RelayDesk,
    forget: @escaping (TableIndex) -> Void
  ) -> TableDesk.Place {
    TableDesk.Place(
      current: { LookupTables(ruleset: expansions.ruleset, relays: relays.directory) },
      replace: { (table, source) throws(Ruleset.RefusedEntry) in
        try expansions.ruleset.replace(table, with: source)
        relays.replace(table, with: source)
        forget(table)
      },
      exchange: { table, other in
        swap(&expansions.ruleset, &other.ruleset)
        relays.exchange(&other.relays)
        forget(table)
      }
    )
  }

  package func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    switch peer {
    case .frontend: connectFrontend(generation, descriptor)
    case .queue: connectQueue(generation, descriptor)
    case .accounts: accounts.connect(generation, descriptor)
    case .resolver: names.connect(descriptor)
    case .control: connectControl(descriptor)
    case .delivery: delivery.connect(generation, descriptor)
    default: _ = Descriptor(owning: descriptor)
    }
  }

  package func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    switch message {
    case .table(let index, let token):
      guard let first = descriptors.first else { return }
      for descriptor in descriptors.dropFirst() { _ = Descriptor(owning: descriptor) }
      tables.received(index: Int(index), token: token, Descriptor(owning: first))
    case .tableFailed(let index, let token, let reason):
      tables.failed(index: Int(index), token: token, reason: reason)
    case .tableChanged(let index): tables.changed(index: Int(index))
    case .resolveUser(let token, let action, let user):
      resolve(user, action, token)
    case .confirmNode(let token, let action, let method):
      confirmations.confirm(method, action, token)
    default:
      for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
    }
  }

  package func stop(within milliseconds: UInt32, finished: @escaping () -> Void) { finished() }

  private func resolve(_ user: String, _ name: String, _ token: UInt64) {
    switch expansions.ruleset.account(of: user, underAction: name) {
    case .found(let account):
      context.tell(
        .resolved(token: token, uid: account.user, gid: account.group, home: account.home)
      )
    case .absent: context.tell(.unresolved(token: token, reason: "there is no user \(user)"))
    case .failed:
      context.tell(.unresolved(token: token, reason: "the table of users cannot be asked"))
    }
  }

  // MARK: - Edges

  private func connectFrontend(_ generation: UInt32, _ descriptor: CInt) {
    edges.frontends[generation] = FrontendEdge(
      descriptor: descriptor,
      peer: .frontend,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .recipient(let question): decide(question, from: generation)
        case .authenticate(let question): credentials.check(question, from: generation)
        case .sender(let question): credentials.check(question, from: generation)
        case .ended(let session, let source):
          expansions.end(turns(of: session, at: source, from: generation))
        case .hostName(let token, let listener, let address):
          let name = relays.hostName(ofListener: listener, at: address)
          edges.frontends[generation]?.send(.hostName(token: token, name))
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .frontend)
        edges.frontends[generation] = nil
      }
    )
  }

  private func connectQueue(_ generation: UInt32, _ descriptor: CInt) {
    edges.queueGeneration = generation
    edges.queue = QueueEdge(
      descriptor: descriptor,
      peer: .queue,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .route(let token, let message, let recipient):
          let subject = RuleSubject(
            session: message.session,
            sender: nil,
            destination: recipient,
            origin: .expansion
          )
          begin(
            subject,
            .queue(generation: generation, token: token, message.id),
            // A large one makes no other notice wait.
            ExpansionTurns.Session(.queue, edge: generation, number: token)
          )
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .queue)
        // An edge that was replaced may end later than its successor begins.
        if edges.queueGeneration == generation { edges.queue = nil }
      }
    )
  }

  private func connectControl(_ descriptor: CInt) {
    explanations.cancelAll()
    edges.control?.close()
    edges.control = Edge(
      descriptor: descriptor,
      peer: .control,
      on: context.loop,
      receive: { [unowned self] message in answer(message.request, id: message.id) },
      ended: { [unowned self] ending in
        context.report(ending, of: .control)
        edges.control = nil
        explanations.cancelAll()
      }
    )
  }

  private func answer(_ request: ControlRequest, id: UInt32) {
    let respond = { [edges] (response: ControlResponse) -> Void in
      edges.control?.send(RoleToControl(id: id, response))
    }
    switch request {
    case .updateTable(let name): tables.update(name, respond)
    case .explain(let question): explanations.begin(question, id: id)
    case .more: explanations.more(id: id)
    case .cancel: explanations.cancel(id: id)
    default: respond(context.commonAnswer(to: request) ?? .statistics([]))
    }
  }

  // MARK: - Decisions

  private func decide(_ question: RecipientQuestion, from generation: UInt32) {
    let session = question.message.session
    let room = rooms.room(
      of: question.message.id,
      left: Int(question.room),
      known: Int(question.taken)
    )
    let subject = RuleSubject(
      session: session,
      sender: question.message.sender,
      destination: question.recipient,
      reverseLookup: question.reverseLookup
    )
    begin(
      subject,
      .frontend(generation: generation, question, room),
      turns(of: session.id, at: session.source, from: generation)
    )
  }

  private func turns(
    of session: SessionID,
    at source: SourceAddress,
    from generation: UInt32
  ) -> ExpansionTurns.Session {
    ExpansionTurns.Session(
      ExpansionTurns.Client(at: source),
      edge: generation,
      number: session.rawValue
    )
  }

  private func begin(
    _ subject: RuleSubject,
    _ asker: Asker,
    _ session: ExpansionTurns.Session
  ) {
    expansions.begin(
      subject,
      ExpansionDesk.Asker(session: session, isWaiting: { [unowned self] in isThere(asker) }) {
        [unowned self] expansion, outcome in
        context.log.debug("lookup: \(outcome.text(for: expansion.recipient))")
        switch outcome {
        case .accepted(let drafts) where drafts.count <= EdgeLimits.expansion:
          return accept(asker, drafts)
        case .accepted: refuse(asker, LookupService.tooMany)
        case .refused(let reply): refuse(asker, reply)
        }
        return nil
      }
    )
  }

  private func isThere(_ asker: Asker) -> Bool {
    switch asker {
    case .frontend(let generation, _, _): edges.frontends[generation] != nil
    // Another queue process numbers its questions anew.
    case .queue(let generation, _, _): generation == edges.queueGeneration && edges.queue != nil
    }
  }

  private func refuse(_ asker: Asker, _ reply: Reply) {
    guard isThere(asker) else { return }
    switch asker {
    case .frontend(let generation, let question, _):
      edges.frontends[generation]?.send(.refused(token: question.token, reply))
    case .queue(_, let token, _): edges.queue?.send(.unroutable(token: token, reply))
    }
  }

  /// Sends envelopes, a frame at a time, and behind the last one the verdict.
  private func accept(_ asker: Asker, _ drafts: [EnvelopeDraft]) -> ExpansionDesk.Part? {
    guard isThere(asker) else { return nil }
    let now = Clock.now()
    switch asker {
    case .queue(_, let token, let message):
      var parts = EnvelopeParts(drafts, of: message, index: 0, created: now)
      return { [edges] in
        let part = parts.next()
        edges.queue?.send(
          parts.isOver ? .routed(token: token, part) : .routing(token: token, part)
        )
        return parts.isOver ? .over : .sent
      }
    case .frontend(let generation, let question, let room):
      // Those of one recipient all go to the same queue.
      guard let queue = edges.queue else {
        refuse(asker, .temporaryFailure(question.recipient))
        return nil
      }
      // Before a large one waits for its turn.
      guard room.has(drafts.count) else {
        refuse(asker, LookupService.noRoom)
        return nil
      }
      let edge = edges.queueGeneration
      var parts = EnvelopeParts(
        drafts,
        of: question.message.id,
        index: question.index,
        created: now
      )
      parts.notify = question.notify
      parts.originalRecipient = question.originalRecipient
      return { [self] in
        switch parts.next(within: room) {
        case .measured: return .prepared
        case .noRoom:
          refuse(asker, LookupService.noRoom)
          return .over
        case .part(let part): queue.send(.envelopes(part))
        }
        guard parts.isOver else { return .sent }
        edges.frontends[generation]?.send(
          .accepted(
            token: question.token,
            taken: UInt32(clamping: parts.inUsualLength),
            edge: edge,
            envelopes: parts.ids
          )
        )
        return .over
      }
    }
  }

  private static let noRoom = Reply(
    452,
    EnhancedStatus(.temporary, 5, 3),
    "Too many recipients: the address stands for more than there is room for now, try again later"
  )

  private static let tooMany = Reply(
    550,
    EnhancedStatus(.permanent, 5, 3),
    "Too many recipients: the address stands for more than one message can have"
  )
}
