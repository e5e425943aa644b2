// SPDX-License-Identifier: ISC

internal import Mail

/// The client's side of one SMTP or LMTP connection (RFC 5321, RFC 2033). Pure: told what arrived, says
/// what to do.
///
///     connecting ──▶ greeting ──220──▶ identifying ──250──▶ ready ──start──▶ addressing
///                                                             ▲  ▲              │    │
///                        RSET ◀──nobody accepted, refused─────┼──┼──────────────┘   354
///                          └──────────────────────────────────┘  │                   ▼
///                                                        finishing ◀──dot── sending the body
///
/// Where TLS is wanted STARTTLS follows EHLO, and behind the handshake EHLO is said again. Where we have to say
/// who we are AUTH follows that.
///
/// With PIPELINING, MAIL, RCPTs and DATA leave in one write. Many tasks may follow one another.
///
/// A failed RCPT is that recipient's alone; a failed MAIL or DATA is everybody's; a 421, a lost
/// connection, a timeout or nonsense is a temporary failure of all who have no outcome yet. Content with
/// the eighth bit set goes unchanged to a host that does not announce 8BITMIME, as OpenSMTPD does.
package struct ClientSession: Sendable {
  /// The protocol that is spoken.
  package enum Dialect: Hashable, Sendable {
    case smtp
    /// LHLO, and an answer for each accepted recipient behind the final dot.
    case lmtp
  }

  /// When the connection is encrypted.
  package enum Security: Hashable, Sendable {
    case never
    /// STARTTLS where it is offered.
    case opportunistic
    /// No mail before STARTTLS.
    case required
    /// It is encrypted already when `connected` is told.
    case immediate
  }

  /// What it calls itself; may be set until `connected` is told.
  package var name: String
  package let dialect: Dialect
  /// When it is encrypted.
  package let security: Security
  package let limits: Limits
  /// What the server announced. Empty before that, and after HELO.
  package private(set) var extensions = ServerExtensions()

  /// Whole replies so far.
  package private(set) var repliesReceived = 0

  private var state = State.connecting
  private var transaction: Transaction?
  private var reader: ReplyReader
  /// What the next replies answer, in order.
  var expected: [Expectation] = []
  var output: [UInt8] = []
  private var actions: [Action] = []
  private var failures = 0
  private var refusals = 0
  /// What AUTH has to say; nil when it has not, or no more.
  var credentials: Credentials?
  private var hasAccepted = false
  private var shallQuit = false
  /// Whether the connection is encrypted.
  package private(set) var isSecured: Bool

  private enum State: Equatable, Sendable {
    case connecting
    case greeting
    /// Behind EHLO, LHLO, or the HELO that follows a refused EHLO; behind AUTH.
    case identifying
    /// Behind the 220 to STARTTLS: `secured`, `tlsFailed` or `unsigned` comes next.
    case securing
    /// Between tasks, and nothing is waited for.
    case ready
    /// MAIL, RCPT, DATA: some are sent, some may still have to be.
    case addressing
    /// Behind 354. The driver hands over the message.
    case sendingBody
    /// Behind the final dot.
    case finishing
    case resetting
    case quitting
    case ended
  }

  /// What a reply answers.
  enum Expectation: Equatable, Sendable {
    case greeting
    case ehlo
    case helo
    case startTLS
    case authentication(AuthenticationStep)
    case mail
    case recipient(Int)
    case data
    /// The answer to the final dot; with LMTP one recipient's.
    case message(Int?)
    /// The answer to the dot of a message that nobody gets.
    case emptyMessage
    case reset
    case quit
  }

  private struct Transaction: Sendable {
    let task: ClientTask
    var isDone: [Bool]
    var accepted: [Int] = []
    var nextRecipient = 0
    var sentData = false
    var mailAccepted = false
    /// MAIL or all recipients failed: whatever else is answered does not count.
    var isLost = false
    var encoder = BodyEncoder()
    /// The last encoded chunk: it leaves with what follows it.
    var held: [UInt8] = []

    init(_ task: ClientTask) {
      self.task = task
      isDone = Array(repeating: false, count: task.recipients.count)
    }
  }

  package init(
    name: String,
    dialect: Dialect = .smtp,
    security: Security = .never,
    credentials: Credentials? = nil,
    limits: Limits = Limits()
  ) {
    self.name = name
    self.dialect = dialect
    self.security = security
    isSecured = security == .immediate
    self.credentials = credentials
    self.limits = limits
    reader = ReplyReader(lineLengthMax: limits.replyLineLengthMax, linesMax: limits.replyLinesMax)
  }

  // MARK: What the driver may ask

  /// Whether `start` may be called.
  package var isReady: Bool { state == .ready }

  package var hasEnded: Bool { state == .ended }

  /// Whether the body is still wanted: false once the server gave up on it.
  package var wantsBody: Bool { state == .sendingBody }

  /// How long the server may be silent now; nil when nothing is waited for. The driver starts the
  /// time anew with every event, with every whole reply, and with every write that was taken while a
  /// body is sent; a part of a reply buys no time.
  package var timeLimit: Duration? {
    switch state {
    case .connecting, .securing, .ready, .ended: nil
    case .greeting, .identifying, .resetting: limits.commandTimeout
    case .addressing: expected.first == .data ? limits.dataTimeout : limits.commandTimeout
    case .sendingBody: limits.bodyTimeout
    case .finishing: limits.finalDotTimeout
    case .quitting: limits.quitTimeout
    }
  }

  // MARK: Events

  /// The connection is up.
  package mutating func connected() -> [Action] {
    guard state == .connecting else { preconditionFailure("connected twice") }
    state = .greeting
    expected = [.greeting]
    return takeActions()
  }

  /// The server sent bytes.
  package mutating func received(_ bytes: [UInt8]) -> [Action] {
    guard state != .connecting else { preconditionFailure("bytes before the connection") }
    var rest = bytes[...]
    while state != .ended, !rest.isEmpty {
      do {
        guard let reply = try reader.read(&rest) else { break }
        repliesReceived += 1
        take(reply)
        // Whoever put them there wants them taken for what is said behind the handshake.
        if state == .securing, !rest.isEmpty {
          loseConnection(.nonsense("Data behind the reply to STARTTLS"))
        }
      } catch {
        loseConnection(.nonsense(ClientSession.text(of: error)))
      }
    }
    return takeActions()
  }

  /// The answer to `secure`: what the server said before is forgotten.
  package mutating func secured() -> [Action] {
    guard state == .securing else { return [] }
    isSecured = true
    extensions = ServerExtensions()
    sayHello()
    return takeActions()
  }

  /// The answer to `secure`: there is no way to go on over this connection.
  package mutating func tlsFailed(_ reason: String) -> [Action] {
    guard state != .ended else { return [] }
    loseConnection(.tlsFailed(reason))
    return takeActions()
  }

  /// The answer to `secure`: our own signature is not to be had, whatever the server is like.
  package mutating func unsigned(_ reason: String) -> [Action] {
    guard state != .ended else { return [] }
    loseConnection(.unsigned(reason))
    return takeActions()
  }

  /// Begins a task; only when the session is ready.
  package mutating func start(_ task: ClientTask) -> [Action] {
    guard state == .ready else { preconditionFailure("a task for a session that is not ready") }
    transaction = Transaction(task)
    if let refusal = obstacle(to: task) {
      concludeAll(refusal)
      becomeReady()
      return takeActions()
    }
    state = .addressing
    ClientCommand(extensions: extensions).appendMail(task, to: &output)
    expected.append(.mail)
    sendMore()
    return takeActions()
  }

  /// The next bytes of the message, with lines ended by LF. They leave with what follows them, so that
  /// the last of them and the final dot are one write.
  package mutating func bodyChunk(_ chunk: [UInt8]) -> [Action] {
    guard state == .sendingBody else { return [] }
    output = transaction?.held ?? []
    var encoded: [UInt8] = []
    transaction?.encoder.encode(chunk, to: &encoded)
    transaction?.held = encoded
    return takeActions()
  }

  /// The message was handed over whole.
  package mutating func bodyEnded() -> [Action] {
    guard state == .sendingBody, var transaction else { return [] }
    var last = transaction.held
    transaction.held = []
    transaction.encoder.finish(&last)
    output.append(contentsOf: last)
    self.transaction = transaction
    state = .finishing
    switch dialect {
    case .smtp: expected.append(.message(nil))
    case .lmtp: expected += transaction.accepted.map { .message($0) }
    }
    return takeActions()
  }

  /// The message cannot be handed over whole: the connection ends, and the final dot is never sent.
  package mutating func bodyAborted(_ reason: String) -> [Action] {
    guard state == .sendingBody else { return [] }
    loseConnection(.bodyAborted, reason)
    return takeActions()
  }

  /// Says QUIT, now or when the task is done.
  package mutating func quit() -> [Action] {
    switch state {
    case .ready: sayQuit()
    case .connecting, .greeting: loseConnection(.quit)
    case .ended, .quitting: break
    default: shallQuit = true
    }
    return takeActions()
  }

  /// The server was silent for `timeLimit`.
  package mutating func timedOut() -> [Action] {
    guard timeLimit != nil else { return [] }
    loseConnection(state == .quitting ? .quit : .timeout)
    return takeActions()
  }

  /// The connection is gone.
  package mutating func closed() -> [Action] {
    guard state != .ended else { return [] }
    loseConnection(state == .quitting ? .quit : .lost)
    return takeActions()
  }

  // MARK: Replies

  private mutating func take(_ reply: Reply) {
    guard state != .quitting else {
      return loseConnection(.quit)
    }
    if reply.code == 421 { return loseConnection(.refused(reply)) }
    guard !expected.isEmpty else { return takeUnexpected(reply) }
    switch expected.removeFirst() {
    case .greeting: takeGreeting(reply)
    case .ehlo: takeEHLO(reply)
    case .helo: takeHELO(reply)
    case .startTLS: takeStartTLS(reply)
    case .authentication(let step): takeAuthentication(step, reply)
    case .mail: takeMail(reply)
    case .recipient(let index): takeRecipient(index, reply)
    case .data: takeData(reply)
    case .message(let index): takeMessage(index, reply)
    case .emptyMessage: reset()
    case .reset: takeReset(reply)
    case .quit: loseConnection(.quit)
    }
  }

  /// Nothing was asked. While the body is sent it may be a refusal that comes early.
  private mutating func takeUnexpected(_ reply: Reply) {
    guard state == .sendingBody, !reply.isPositive else {
      return loseConnection(.nonsense("Unexpected reply: \(reply)"))
    }
    concludeAll(ClientSession.failure(reply))
    loseConnection(.refused(reply))
  }

  private mutating func takeGreeting(_ reply: Reply) {
    guard reply.code == 220 else { return loseConnection(.refused(reply)) }
    sayHello()
  }

  private mutating func sayHello() {
    state = .identifying
    output.append(contentsOf: "\(dialect == .smtp ? "EHLO" : "LHLO") \(name)\r\n".utf8)
    expected.append(.ehlo)
  }

  private mutating func takeEHLO(_ reply: Reply) {
    if reply.code / 100 == 2 {
      extensions = ServerExtensions(reply)
      if isSecured || security == .never { return authenticate() }
      if extensions.keywords.contains(.startTLS) {
        output.append(contentsOf: "STARTTLS\r\n".utf8)
        expected.append(.startTLS)
      } else if security == .required {
        loseConnection(.tlsUnavailable)
      } else {
        authenticate()
      }
    } else if reply.isPermanent, dialect == .smtp, isSecured || security != .required,
      credentials == nil
    {
      output.append(contentsOf: "HELO \(name)\r\n".utf8)
      expected.append(.helo)
    } else {
      refuse(reply)
    }
  }

  private mutating func takeStartTLS(_ reply: Reply) {
    if reply.code / 100 == 2 {
      state = .securing
      actions.append(.secure)
    } else if security == .required {
      loseConnection(.tlsUnavailable)
    } else {
      authenticate()
    }
  }

  private mutating func takeHELO(_ reply: Reply) {
    guard reply.code / 100 == 2 else { return refuse(reply) }
    becomeReady()
  }

  private mutating func takeMail(_ reply: Reply) {
    if reply.code / 100 == 2 {
      transaction?.mailAccepted = true
    } else {
      failures += 1
      concludeAll(ClientSession.failure(reply))
      transaction?.isLost = true
    }
    continueAddressing()
  }

  private mutating func takeRecipient(_ index: Int, _ reply: Reply) {
    guard let transaction, !transaction.isLost else { return continueAddressing() }
    if reply.code / 100 == 2 {
      hasAccepted = true
      self.transaction?.accepted.append(index)
    } else {
      failures += 1
      if !hasAccepted { refusals += 1 }
      conclude(index, ClientSession.failure(reply))
    }
    continueAddressing()
  }

  /// Sends what comes next when everything that was sent is answered, or may be.
  private mutating func continueAddressing() {
    guard let transaction else { preconditionFailure("a reply without a transaction") }
    let wasEverybodyRefused =
      expected.isEmpty && transaction.accepted.isEmpty
      && transaction.nextRecipient == transaction.task.recipients.count
    guard transaction.isLost || rejectsAll || wasEverybodyRefused else { return sendMore() }
    if expected.isEmpty, !transaction.sentData { reset() }
  }

  /// Sends as much of the transaction as the server can take now.
  private mutating func sendMore() {
    guard var transaction, !transaction.isLost else { return }
    let isPipelined = extensions.keywords.contains(.pipelining)
    let command = ClientCommand(extensions: extensions)
    let count = transaction.task.recipients.count
    let window = isPipelined ? limits.recipientsInFlightMax : 1
    while transaction.nextRecipient < count, expected.count < window {
      let index = transaction.nextRecipient
      transaction.nextRecipient += 1
      guard !transaction.isDone[index] else { continue }
      command.appendRecipient(transaction.task.recipients[index], to: &output)
      expected.append(.recipient(index))
    }
    if transaction.nextRecipient == count, !transaction.sentData,
      isPipelined || expected.isEmpty
    {
      transaction.sentData = true
      output.append(contentsOf: "DATA\r\n".utf8)
      expected.append(.data)
    }
    self.transaction = transaction
  }

  private mutating func takeData(_ reply: Reply) {
    guard let transaction else { preconditionFailure("a reply without a transaction") }
    let isWanted = !transaction.isLost && !transaction.accepted.isEmpty
    switch (reply.code, isWanted) {
    case (354, true):
      state = .sendingBody
      actions.append(.sendBody)
    case (354, false):
      // RFC 2920 section 3.1: the server asks for a message that nobody gets.
      output.append(contentsOf: ".\r\n".utf8)
      expected.append(.emptyMessage)
    case (_, true):
      failures += 1
      concludeAll(ClientSession.failure(reply))
      reset()
    case (_, false):
      reset()
    }
  }

  private mutating func takeMessage(_ index: Int?, _ reply: Reply) {
    let outcome = reply.code / 100 == 2 ? Outcome.delivered(reply) : ClientSession.failure(reply)
    if reply.code / 100 != 2 { failures += 1 }
    if let index { conclude(index, outcome) } else { concludeAll(outcome) }
    if expected.isEmpty { becomeReady() }
  }

  private mutating func takeReset(_ reply: Reply) {
    guard reply.code / 100 == 2 else { return refuse(reply) }
    becomeReady()
  }

  // MARK: Ends

  /// Behind a task or EHLO: ready for the next task, unless enough went wrong.
  mutating func becomeReady() {
    finishTask()
    if shallQuit || failures > limits.failuresMax || rejectsAll { return sayQuit() }
    state = .ready
    actions.append(.ready)
  }

  /// Everybody who was not refused is deferred, and RSET takes the session out of the transaction.
  private mutating func reset() {
    if rejectsAll {
      actions.append(.rejectsAllMail)
      concludeAll(.temporary(EnhancedStatus(.temporary, 4, 0), "Host rejects all mails"))
    }
    let isOpen = transaction?.mailAccepted == true
    finishTask()
    guard isOpen, !shallQuit, !rejectsAll else { return becomeReady() }
    state = .resetting
    output.append(contentsOf: "RSET\r\n".utf8)
    expected.append(.reset)
  }

  private var rejectsAll: Bool { !hasAccepted && refusals >= limits.refusalsBeforeAcceptanceMax }

  private mutating func finishTask() {
    guard let transaction else { return }
    precondition(transaction.isDone.allSatisfy { $0 }, "a task ends with every outcome told")
    self.transaction = nil
    actions.append(.taskEnded)
  }

  private mutating func sayQuit() {
    state = .quitting
    output.append(contentsOf: "QUIT\r\n".utf8)
    expected = [.quit]
  }

  /// The server does not serve us further.
  private mutating func refuse(_ reply: Reply) { loseConnection(.refused(reply)) }

  mutating func loseConnection(_ reason: CloseReason, _ detail: String? = nil) {
    if transaction != nil {
      concludeAll(ClientSession.interruption(reason, detail))
      finishTask()
    }
    state = .ended
    expected = []
    actions.append(.close(reason))
  }

  private mutating func conclude(_ index: Int, _ outcome: Outcome) {
    guard transaction?.isDone[index] == false else { return }
    transaction?.isDone[index] = true
    actions.append(.outcome(recipient: index, outcome))
  }

  private mutating func concludeAll(_ outcome: Outcome) {
    guard let count = transaction?.task.recipients.count else { return }
    for index in 0..<count { conclude(index, outcome) }
  }

  /// What makes the whole task impossible here, or single recipients: those are concluded.
  private mutating func obstacle(to task: ClientTask) -> Outcome? {
    if let sizeMax = extensions.sizeMax, task.size > sizeMax {
      return .permanent(
        EnhancedStatus(.permanent, 3, 4),
        "Message too big for this host: it takes \(sizeMax) bytes"
      )
    }
    if task.content.contains(.internationalized),
      !extensions.keywords.contains(.internationalized)
    {
      return .permanent(
        EnhancedStatus(.permanent, 6, 7),
        "Internationalized mail is not taken by this host"
      )
    }
    let badAddress = EnhancedStatus(.permanent, 1, 7)
    if let sender = task.sender, !sender.isSafeOnTheWire {
      return .permanent(badAddress, "Sender address cannot be sent")
    }
    for (index, recipient) in task.recipients.enumerated()
    where !recipient.isSafeOnTheWire {
      conclude(
        index,
        .permanent(EnhancedStatus(.permanent, 1, 3), "Recipient address cannot be sent")
      )
    }
    guard transaction?.isDone.contains(false) == true else {
      return .permanent(badAddress, "No recipient is left")
    }
    return nil
  }

  private mutating func takeActions() -> [Action] {
    if !output.isEmpty {
      // First: what the driver does next may write too.
      if state != .ended { actions.insert(.write(output), at: 0) }
      output = []
    }
    defer { actions = [] }
    return actions
  }
}
