// SPDX-License-Identifier: ISC

package import Mail

/// The server's side of one SMTP connection (RFC 5321). Pure: told what arrived and what was
/// answered, says what to do.
///
///     starting ──connected──▶ ready ──MAIL──▶ opening ──opened──▶ addressing
///                               ▲  ▲              │                │  ▲  │
///                               │  └───refused────┘      RCPT, DATA│  │  │RSET
///                               │                                  ▼  │  ▼
///                               ├──stored or refused── storing    receiving
///                               └────────────────────────◀── final dot
///
/// From ready AUTH leads to authenticating and verifying, and its outcome back; STARTTLS leads to securing, and the end of the handshake back: with nothing known of the
/// client, and with nothing that it sent before.
///
/// *Pipelining* (RFC 2920): the session works through all complete lines that it holds until it needs
/// an answer. The replies of a batch leave in one write when it has nothing left to do. Several
/// RCPT may wait for their answers at once; replies keep the order of the commands, and
/// whatever is not RCPT waits until all are answered.
///
/// *Smuggling*: a bare CR or LF in a command is refused, and the session ends: nobody can know what
/// the peer takes for commands behind it. In the data it makes the message refused at the end of
/// the data, which only CRLF.CRLF is; where a peer may have seen another end, the session ends at
/// once. So it does when anything follows DATA before the 354: RFC 2920 forbids it, and whether
/// those bytes are data or commands depends on a reply that their sender has not seen.
///
/// *Flow*: the driver does not read while `wantsInput` is false, nor while its own writes are not
/// taken, and it may stop reading at any time. Nothing here grows but by what it hands over.
package struct ServerSession: Sendable {
  package let configuration: Configuration
  package let client: Client

  var state = State.starting
  /// Nil until HELO or EHLO.
  var identity: Identity?
  /// Present in `addressing`, `receiving` and `storing`.
  var transaction: ServerTransaction?
  /// Present in `receiving` and `storing`.
  var body: BodyDecoder?
  var input = CommandBuffer()
  /// RCPTs of which the first is unanswered.
  private var slots: [Slot] = []
  private var inFlight = 0
  private var replies: [UInt8] = []
  var actions: [Action] = []
  /// What the session is encrypted with; nil while it is not.
  package internal(set) var encryption: Encryption?
  /// Who the client proved to be; nil while it has not.
  var user: String?
  /// What is no command may be the rest of an AUTH that was refused, and a password.
  var hidesUnknown = false
  var authenticationFailures = 0
  private var mails = 0
  private var errors = 0
  private var isStopping = false
  private let grammar: CommandGrammar

  /// Values of a transaction and of its body lie beside the state, so that they are changed in place.
  enum State: Sendable {
    /// No greeting yet. What the client already sent waits.
    case starting
    /// Between transactions. Everything but RCPT and DATA is allowed, MAIL only behind HELO or EHLO.
    case ready
    /// The client was asked for an answer of AUTH.
    case authenticating(AuthenticationDialog)
    /// `verify` waits for `authenticationAnswered`. The label is what the log calls the command.
    case verifying(user: String, label: String)
    /// MAIL waits for `senderAnswered`.
    case checkingSender(MailCommand)
    /// MAIL waits for `transactionAnswered`.
    case opening(MailCommand)
    /// A sender is known. RCPT, and with an accepted recipient DATA, lead on.
    case addressing
    /// Between 354 and the final dot.
    case receiving
    /// `secure` waits for `secured`. What comes belongs to the handshake, and none of it comes here.
    case securing
    /// `submit` waits for `messageAnswered`. If the client goes now, the message stays.
    case storing
    /// `close` was said.
    case ended
  }

  /// What HELO or EHLO said.
  struct Identity: Sendable {
    let name: String
    let protocolName: String
  }

  private struct Slot: Sendable {
    let index: Int
    let address: Address
    var reply: Reply?
  }

  package init(configuration: Configuration, client: Client) {
    self.configuration = configuration
    self.client = client
    grammar = CommandGrammar(
      serverName: configuration.serverName,
      deliveryNotification: configuration.deliveryNotification
    )
  }

  // MARK: What the driver may ask

  /// Whether the driver may read. While an answer is awaited, one read is kept: to stop reading for each
  /// answer costs more than what clients send meanwhile.
  package var wantsInput: Bool {
    switch state {
    case .starting, .securing, .ended: false
    case .addressing where inFlight == 0: true
    case .verifying, .checkingSender, .opening, .addressing, .storing: input.isEmpty
    case .ready, .authenticating, .receiving: true
    }
  }

  /// Whether the session waits for its client, and silence counts against `timeout`.
  package var awaitsClient: Bool {
    switch state {
    case .starting, .verifying, .checkingSender, .opening, .storing, .securing, .ended: false
    case .addressing: inFlight == 0
    case .ready, .authenticating, .receiving: true
    }
  }

  /// Whether what comes is a message.
  package var isReceiving: Bool {
    if case .receiving = state { true } else { false }
  }

  package var hasEnded: Bool {
    if case .ended = state { true } else { false }
  }

  /// The session as messages and the ruleset know it. The client's name is empty before HELO.
  package var facts: SessionFacts {
    var facts = SessionFacts(
      id: client.session,
      source: client.source,
      serverName: configuration.serverName,
      helo: identity?.name ?? "",
      hostname: client.hostname,
      user: user,
      tag: configuration.tag
    )
    facts.transport = encryption == nil ? .clear : .tls
    return facts
  }

  // MARK: Events

  /// The connection is up, and is to be served.
  package mutating func connected(at now: Instant) -> [Action] {
    guard case .starting = state else { preconditionFailure("connected twice") }
    state = .ready
    reply(configuration.greeting)
    return proceed(at: now)
  }

  /// What there is too much of.
  package enum Crowd: Sendable {
    case ofAll
    case ofClient
    /// Of the programs of this machine together.
    case ofMachine
  }

  /// The connection is up, and there are too many. Where encryption comes first nothing is said: a reply would
  /// have to wait for the client's part of a handshake.
  package mutating func tooManyConnections(_ crowd: Crowd = .ofAll) -> [Action] {
    guard case .starting = state else { preconditionFailure("refused when already served") }
    let reply =
      switch crowd {
      case .ofAll: ServerReply.tooManyConnections
      case .ofClient: ServerReply.tooManyOfClient
      case .ofMachine: ServerReply.tooManyOfMachine
      }
    end(with: configuration.encryption == .immediate ? nil : reply, .refused)
    return takeActions()
  }

  /// The client sent bytes.
  package mutating func received(_ bytes: consuming [UInt8], at now: Instant) -> [Action] {
    if case .ended = state { return [] }
    input.append(bytes)
    if case .starting = state { return [] }
    return proceed(at: now)
  }

  /// The answer to `beginTransaction`.
  package mutating func transactionAnswered(
    _ answer: TransactionAnswer,
    at now: Instant
  ) -> [Action] {
    if case .ended = state { return [] }
    guard case .opening(let mail) = state else {
      preconditionFailure("no transaction was asked for")
    }
    switch answer {
    case .opened(let id):
      mails += 1
      transaction = ServerTransaction(id: id, mail: mail)
      state = .addressing
      reply(ServerReply.ok)
    case .refused(let refusal):
      state = .ready
      fail("MAIL FROM:<\(mail.sender?.description ?? "")>", refusal, .ours)
    }
    return proceed(at: now)
  }

  /// The answer to `checkRecipient`.
  package mutating func recipientAnswered(
    _ index: Int,
    _ verdict: RecipientVerdict,
    at now: Instant
  ) -> [Action] {
    if case .ended = state { return [] }
    guard let position = slots.firstIndex(where: { $0.index == index }),
      slots[position].reply == nil
    else { preconditionFailure("no such recipient is asked about") }
    inFlight -= 1
    switch verdict {
    case .accepted(let envelopes):
      precondition(envelopes >= 0)
      slots[position].reply = ServerReply.recipientOK
      transaction?.accepted += 1
      if transaction?.recipient == nil { transaction?.recipient = slots[position].address }
    case .refused(let refusal):
      slots[position].reply = refusal
    }
    answerRecipients()
    return proceed(at: now)
  }

  /// The transaction cannot be kept: recipients that come are refused with `reply`, and so is the
  /// message at the end of the data. Meant for the time between `opened` and `submit`.
  package mutating func transactionFailed(_ reply: Reply) {
    if transaction?.failure == nil { transaction?.failure = reply }
  }

  /// The answer to `submit`.
  package mutating func messageAnswered(_ answer: MessageAnswer, at now: Instant) -> [Action] {
    if case .ended = state { return [] }
    guard case .storing = state, let done = transaction, let size = body?.storedSize else {
      preconditionFailure("no message was submitted")
    }
    transaction = nil
    body = nil
    state = .ready
    switch answer {
    case .stored:
      actions.append(
        .log(
          .message(
            done.id,
            size: size,
            recipients: done.accepted,
            protocol: identity?.protocolName ?? ""
          )
        )
      )
      reply(ServerReply.accepted(done.id))
    case .refused(let refusal):
      fail("DATA", refusal, .ours)
    }
    return proceed(at: now)
  }

  /// The client was silent for `timeout`. Nothing happens while the session waits for our side.
  package mutating func timedOut() -> [Action] {
    guard awaitsClient else { return [] }
    end(with: ServerReply.timeout, .timeout)
    return takeActions()
  }

  /// The connection is gone. A message that was submitted stays.
  package mutating func closed() -> [Action] {
    if case .ended = state { return [] }
    replies = []
    end(with: nil, .disconnect)
    return takeActions()
  }

  /// The server is going down: 421, at once or when the submitted message has its answer.
  package mutating func serverStopping() -> [Action] {
    switch state {
    case .ended: return []
    case .storing: isStopping = true
    default: end(with: ServerReply.stopping, .shutdown)
    }
    return takeActions()
  }

  // MARK: Progress

  /// Does what can be done without another event.
  mutating func proceed(at now: Instant) -> [Action] {
    working: while true {
      if isStopping, case .ready = state { end(with: ServerReply.stopping, .shutdown) }
      switch state {
      case .starting, .verifying, .checkingSender, .opening, .storing, .securing, .ended:
        break working
      case .authenticating(let dialog):
        guard takeResponse(dialog) == .done else { break working }
      case .ready, .addressing:
        guard nextCommand(at: now) == .done else { break working }
      case .receiving:
        guard receiveBody(at: now) == .done else { break working }
      }
    }
    return takeActions()
  }

  /// Whether going on makes sense.
  enum Step {
    case done
    /// Nothing more can be done without another event.
    case blocked
  }

  private mutating func nextCommand(at now: Instant) -> Step {
    let mayContinue: Bool
    switch input.nextLine(lengthMax: configuration.limits.commandLengthMax) {
    case .incomplete:
      return .blocked
    case .line(let range):
      let command = grammar.parse(input.bytes.span.extracting(range))
      mayContinue = perform(command, at: now)
      if mayContinue, case .authenticate = command {
        input.wipeLine()
        return .done
      }
    case .tooLong:
      mayContinue = refuseInput(ServerReply.commandTooLong)
    case .bareLineEnd:
      mayContinue = refuseInput(ServerReply.bareLineEndInCommand)
    }
    // A command that has to wait for recipients is read again when they are answered.
    guard mayContinue else { return .blocked }
    if case .securing = state { input.removeAll() } else { input.consumeLine() }
    return .done
  }

  /// Input that no command can be read from ends the session, once what came before it is answered.
  private mutating func refuseInput(_ refusal: Reply) -> Bool {
    guard inFlight == 0 else { return false }
    actions.append(.log(.badInput(result: refusal.description)))
    end(with: refusal, .badInput)
    return true
  }

  // MARK: Commands

  /// Performs a command, or returns false when it has to wait for recipients to be answered.
  private mutating func perform(_ command: Command, at now: Instant) -> Bool {
    if case .recipient(let result) = command { return addRecipient(result) }
    guard inFlight == 0 else { return false }
    if hidesUnknown, command.isKnown { hidesUnknown = false }
    switch command {
    case .hello(let kind, let result): identify(kind, result)
    case .mail(let result): beginMail(result)
    case .recipient: preconditionFailure("handled above")
    case .data(let form): beginData(form, at: now)
    case .reset(let form): reset(form)
    case .quit(let form): quit(form)
    case .help(let form): help(form)
    case .noop: reply(ServerReply.ok)
    case .verify: reply(ServerReply.unverified)
    case .startTLS(let form): beginTLS(form)
    case .authenticate(let result): beginAuthentication(result)
    case .unknown:
      fail(hidesUnknown ? "(...)" : input.lineText, ServerReply.unrecognized, .clients)
    case .invalid: failLine(ServerReply.nullInCommand)
    }
    return true
  }

  private mutating func identify(_ kind: Command.Hello, _ result: Result<String, Command.Refusal>) {
    guard identity == nil else { return failLine(ServerReply.alreadyIdentified) }
    switch result {
    case .failure(let refusal):
      failLine(refusal.reply)
    case .success(let name):
      identity = Identity(name: name, protocolName: kind == .ehlo ? "ESMTP" : "SMTP")
      reply(
        kind == .ehlo
          ? configuration.ehlo(
            name,
            client,
            offersTLS: mayBeginTLS,
            offersAuthentication: mayAuthenticate
          )
          : configuration.helo(name, client)
      )
    }
  }

  private mutating func beginMail(_ result: Result<MailCommand, Command.Refusal>) {
    guard identity != nil, case .ready = state else { return failLine(ServerReply.wrongState) }
    guard encryption != nil || configuration.encryption != .required else {
      return failLine(ServerReply.tlsRequired)
    }
    guard user != nil || configuration.authentication != .required else {
      return failLine(ServerReply.authenticationRequired)
    }
    guard mails < configuration.limits.mailsMax else {
      return fail(input.lineText, ServerReply.tooManyMails, .ours)
    }
    switch result {
    case .failure(let refusal):
      failLine(refusal.reply)
    case .success(let mail):
      guard mail.declaredSize ?? 0 <= configuration.limits.messageSizeMax else {
        return failLine(ServerReply.tooBig)
      }
      open(mail)
    }
  }

  /// Asks about a recipient, or returns false when earlier ones have to be answered first.
  private mutating func addRecipient(_ result: Result<RecipientCommand, Command.Refusal>) -> Bool {
    guard case .addressing = state, let transaction else {
      failLine(ServerReply.wrongState)
      return true
    }
    if let failure = transaction.failure {
      guard inFlight == 0 else { return false }
      fail(input.lineText, failure, .ours)
      return true
    }
    let limits = configuration.limits
    guard transaction.accepted + inFlight < limits.recipientsMax,
      transaction.asked < limits.recipientsAskedMax
    else {
      guard inFlight == 0 else { return false }
      // Many clients name more than we take, and send the mail to those that were accepted.
      let isFull = transaction.accepted >= limits.recipientsMax
      fail(input.lineText, ServerReply.tooManyRecipients, isFull ? .ours : .clients)
      return true
    }
    switch result {
    case .failure(let refusal):
      // Its reply keeps its place behind those that are waited for.
      guard inFlight == 0 else { return false }
      failLine(refusal.reply)
    case .success(var recipient):
      guard inFlight < limits.recipientsInFlightMax else { return false }
      recipient.index = transaction.asked
      self.transaction?.asked += 1
      inFlight += 1
      slots.append(Slot(index: recipient.index, address: recipient.address, reply: nil))
      if replies.count >= limits.heldRepliesMax { flush() }
      actions.append(.checkRecipient(recipient))
    }
    return true
  }

  /// Moves the answers that are next in order into the output.
  private mutating func answerRecipients() {
    var answered = 0
    for slot in slots {
      guard let answer = slot.reply else { break }
      answered += 1
      if answer.isPositive {
        reply(answer)
      } else {
        fail("RCPT TO:<\(slot.address.description)>", answer, .ours)
      }
      if hasEnded { return }
    }
    slots.removeFirst(answered)
  }

  private mutating func reset(_ form: Command.Bare) {
    guard form == .bare else { return failLine(ServerReply.noArguments) }
    guard identity != nil else { return failLine(ServerReply.wrongState) }
    abandonTransaction()
    state = .ready
    reply(ServerReply.reset)
  }

  private mutating func quit(_ form: Command.Bare) {
    guard form == .bare else { return failLine(ServerReply.noArguments) }
    end(with: ServerReply.bye, .quit)
  }

  private mutating func help(_ form: Command.Bare) {
    guard form == .bare else { return failLine(ServerReply.noArguments) }
    reply(configuration.help)
  }

  // MARK: Replies and ends

  /// Whose fault a refusal is.
  enum Fault {
    case clients
    case ours
  }

  mutating func reply(_ reply: Reply) { reply.append(to: &replies) }

  /// Refuses the command that is being performed, by the client's own fault.
  mutating func failLine(_ refusal: Reply) {
    fail(input.lineText, refusal, .clients)
  }

  /// - Parameter logged: what the log says of it, where the reply repeats what must not be in there.
  mutating func fail(_ command: String, _ refusal: Reply, _ fault: Fault, logged: Reply? = nil) {
    let result = (logged ?? refusal).description
    actions.append(.log(.failedCommand(command: command, result: result)))
    guard refusal.code != 421 else { return end(with: refusal, .failure) }
    reply(refusal)
    guard fault == .clients else { return }
    errors += 1
    if errors > configuration.limits.errorsMax { end(with: ServerReply.tooManyErrors, .badInput) }
  }

  mutating func abandonTransaction() {
    if let transaction, !transaction.isAborted { actions.append(.abort) }
    transaction = nil
    body = nil
  }

  mutating func end(with last: Reply?, _ reason: CloseReason) {
    switch state {
    case .ended: preconditionFailure("ended twice")
    case .opening: actions.append(.abort)
    case .storing: break
    case .starting, .ready, .authenticating, .verifying, .checkingSender, .addressing, .receiving,
      .securing:
      abandonTransaction()
    }
    state = .ended
    transaction = nil
    body = nil
    slots = []
    inFlight = 0
    input.removeAll()
    if let last {
      reply(last)
      flush()
    }
    actions.append(.close(reason))
  }

  mutating func flush() {
    guard !replies.isEmpty else { return }
    actions.append(.write(replies))
    replies = []
  }

  mutating func takeActions() -> [Action] {
    // Replies wait for those of the commands behind them that our own side has yet to answer.
    if inFlight == 0 {
      switch state {
      case .verifying, .checkingSender, .opening, .storing, .securing, .ended: break
      case .starting, .ready, .authenticating, .addressing, .receiving: flush()
      }
    }
    defer { actions = [] }
    return actions
  }
}
