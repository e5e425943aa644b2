// SPDX-License-Identifier: ISC

package import Configuration
internal import ControlProtocol
package import Interprocess
internal import Mail
internal import Policy

/// The lookup role: holds the tables and the ruleset, and says what becomes of each recipient.
///
/// The envelopes of an accepted recipient go to the queue directly and before the verdict goes to the
/// frontend, which learns no more than how many they are.
package final class LookupService: RoleService {
  typealias FrontendEdge = Edge<LookupToFrontend, FrontendToLookup>
  typealias QueueEdge = Edge<LookupToQueue, QueueToLookup>
  typealias AccountsEdge = Edge<LookupToAccounts, AccountsToLookup>

  private enum Limits {
    /// Questions to the user database at one time.
    static let questions = 4096
  }

  /// Who asked, and how it is told.
  private enum Asker {
    case frontend(generation: UInt32, RecipientQuestion)
    /// Where a notice of the queue goes.
    case queue(generation: UInt32, token: UInt64, MessageID)
  }

  private struct Pending {
    var expansion: Expansion
    let asker: Asker
  }

  private let context: RoleContext
  private let ruleset: Ruleset
  private var frontends: [UInt32: FrontendEdge] = [:]
  private var queue: QueueEdge?
  private var queueGeneration: UInt32 = 0
  private var accounts: AccountsEdge?
  private var accountsGeneration: UInt32 = 0
  private var pending: [UInt64: Pending] = [:]
  private var nextToken: UInt64 = 0
  private var statistics: Edge<RoleToControl, ControlToRole>?

  package init(context: RoleContext, projection: LookupProjection, files: [Int: [UInt8]]) {
    self.context = context
    var contents: [TableIndex: TableContents] = [:]
    for (index, bytes) in files {
      do {
        contents[TableIndex(index)] = try TableContents(parsing: bytes)
      } catch {
        context.log.warn("lookup: table \(projection.tables[index].name): \(error)")
      }
    }
    ruleset = Ruleset(projection, files: contents)
    for refused in ruleset.refusedEntries {
      context.log.warn(
        "lookup: table \(refused.table): \"\(refused.entry)\" is of no use and left out"
      )
    }
    context.tell(.ready)
  }

  package func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    switch peer {
    case .frontend: connectFrontend(generation, descriptor)
    case .queue: connectQueue(generation, descriptor)
    case .accounts: connectAccounts(generation, descriptor)
    case .control: connectControl(descriptor)
    default: _ = Descriptor(owning: descriptor)
    }
  }

  package func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    for descriptor in descriptors { _ = Descriptor(owning: descriptor) }
  }

  package func stop(within milliseconds: UInt32, finished: @escaping () -> Void) { finished() }

  // MARK: - Edges

  private func connectFrontend(_ generation: UInt32, _ descriptor: CInt) {
    frontends[generation] = FrontendEdge(
      descriptor: descriptor,
      peer: .frontend,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .recipient(let question): decide(question, from: generation)
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .frontend)
        frontends[generation] = nil
      }
    )
  }

  private func connectQueue(_ generation: UInt32, _ descriptor: CInt) {
    queueGeneration = generation
    queue = QueueEdge(
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
          begin(subject, .queue(generation: generation, token: token, message.id))
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .queue)
        // An edge that was replaced may end later than its successor begins.
        if queueGeneration == generation { queue = nil }
      }
    )
  }

  private func connectAccounts(_ generation: UInt32, _ descriptor: CInt) {
    // What the last one was asked it will not answer.
    if accounts != nil { failQuestions() }
    accountsGeneration = generation
    accounts = AccountsEdge(
      descriptor: descriptor,
      peer: .accounts,
      on: context.loop,
      receive: { [unowned self] message in
        switch message {
        case .found(let token, let uid, let gid, let home):
          answered(token, .found(Account(user: uid, group: gid, home: home)))
        case .absent(let token): answered(token, .absent)
        case .failed(let token): answered(token, .failed)
        }
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .accounts)
        guard accountsGeneration == generation else { return }
        accounts = nil
        failQuestions()
      }
    )
  }

  private func failQuestions() {
    for token in Array(pending.keys) { answered(token, .failed) }
  }

  private func connectControl(_ descriptor: CInt) {
    statistics?.close()
    statistics = Edge(
      descriptor: descriptor,
      peer: .control,
      on: context.loop,
      receive: { [unowned self] message in
        let answer = context.commonAnswer(to: message.request) ?? .statistics([])
        statistics?.send(RoleToControl(id: message.id, answer))
      },
      ended: { [unowned self] ending in
        context.report(ending, of: .control)
        statistics = nil
      }
    )
  }

  // MARK: - Decisions

  private func decide(_ question: RecipientQuestion, from generation: UInt32) {
    let subject = RuleSubject(
      session: question.message.session,
      sender: question.message.sender,
      destination: question.recipient
    )
    begin(subject, .frontend(generation: generation, question))
  }

  private func begin(_ subject: RuleSubject, _ asker: Asker) {
    var expansion = Expansion(subject)
    let action = expansion.begin(with: ruleset)
    perform(action, Pending(expansion: expansion, asker: asker))
  }

  private func answered(_ token: UInt64, _ answer: UserAnswer) {
    guard var waiting = pending.removeValue(forKey: token) else { return }
    let action = waiting.expansion.answered(answer)
    perform(action, waiting)
  }

  private func perform(_ action: Expansion.Action, _ work: Pending) {
    switch action {
    case .finish(.refused(let reply)): refuse(work.asker, reply)
    case .finish(.accepted(let drafts)): accept(work.asker, drafts)
    case .askUser(let name):
      nextToken += 1
      pending[nextToken] = work
      guard let accounts, pending.count <= Limits.questions else {
        return answered(nextToken, .failed)
      }
      accounts.send(.user(token: nextToken, name: name))
    }
  }

  private func refuse(_ asker: Asker, _ reply: Reply) {
    switch asker {
    case .frontend(let generation, let question):
      frontends[generation]?.send(.refused(token: question.token, reply))
    case .queue(let generation, let token, _):
      // Another queue process numbers its questions anew.
      guard generation == queueGeneration else { return }
      queue?.send(.unroutable(token: token, reply))
    }
  }

  private func accept(_ asker: Asker, _ drafts: [EnvelopeDraft]) {
    let now = Clock.now()
    guard drafts.count <= EdgeLimits.expansion else { return refuse(asker, LookupService.tooMany) }
    switch asker {
    case .queue(let generation, let token, let message):
      guard generation == queueGeneration, let queue else { return }
      let made = envelopes(drafts, of: message, index: 0, at: now)
      let last = made.suffix(EdgeLimits.envelopes)
      for part in LookupService.frames(of: made.dropLast(last.count)) {
        queue.send(.routing(token: token, part))
      }
      queue.send(.routed(token: token, Array(last)))
    case .frontend(let generation, let question):
      guard let queue else {
        return refuse(asker, .temporaryFailure(question.recipient))
      }
      var made = envelopes(drafts, of: question.message.id, index: question.index, at: now)
      for index in made.indices {
        made[index].notify = question.notify
        made[index].originalRecipient = question.originalRecipient
      }
      for part in LookupService.frames(of: made[...]) { queue.send(.envelopes(part)) }
      frontends[generation]?.send(.accepted(token: question.token, envelopes: made.map(\.id)))
    }
  }

  private static let tooMany = Reply(
    550,
    EnhancedStatus(.permanent, 5, 3),
    "Too many recipients: the address stands for more than one message can have"
  )

  /// As many in a frame as it has room for.
  private static func frames(of envelopes: ArraySlice<Envelope>) -> [[Envelope]] {
    stride(from: envelopes.startIndex, to: envelopes.endIndex, by: EdgeLimits.envelopes).map {
      Array(envelopes[$0..<min($0 + EdgeLimits.envelopes, envelopes.endIndex)])
    }
  }

  /// Identifiers are the recipient's place in the transaction above the envelope's place in the
  /// expansion: distinct without asking anybody.
  private func envelopes(
    _ drafts: [EnvelopeDraft],
    of message: MessageID,
    index: UInt16,
    at now: Instant
  ) -> [Envelope] {
    drafts.enumerated().map { place, draft in
      let low = UInt32(index) << 16 + UInt32(place) + 1
      guard let id = EnvelopeID(message: message, low: low) else {
        preconditionFailure("an envelope without a number")
      }
      return draft.envelope(id: id, created: now)
    }
  }
}
