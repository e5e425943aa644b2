// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore
internal import ResolverEdge
internal import SMTP
internal import TLS

/// Drives one `ServerSession`: bytes in, actions out, and no decision of its own.
///
/// It reads only while the session wants input, its own writes are taken, and the body's window is
/// open, so that a client can never make it hold more than a window.
final class SessionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let client: Client
  let source: SourceAddress
  let service: FrontendService
  private var listener: FrontendProjection.Listener
  private let local: IPAddress?
  /// Who is at the other end of the submission socket; nil for the network.
  private let submitter: LocalSubmitters.Connection?
  var user: UInt32? { submitter?.user }
  let id: SessionID
  private var channel: (any Channel)?
  private var session: ServerSession?
  /// What the handshake of a listener that begins with one agreed on.
  private var encryption: ServerSession.Encryption?
  /// How the session was encrypted; nil while it is not.
  var securedBy: Listener.Security.Encryption? {
    encryption.map { _ in listener.security.encryption }
  }
  /// A handshake is under way: what is written waits for its end.
  private var isShakingHands = false
  /// Whether the client's name is what the name servers say.
  private(set) var reverseLookup = ReverseLookup.answered
  private var transaction: OpenTransaction?
  private var pending: [ServerSession.Action] = []
  private var isPerforming = false
  private var isReading = false
  /// When the session last began to wait for its client, or the client last did its part.
  private var lastInput = Clock.rising()
  private var bytesSince = 0
  /// Bytes of a message that have to come within `smtp limit timeout`: one now and then keeps no session.
  private static let bytesInTime = 32 << 10
  private(set) var welcome = FrontendService.Welcome.tooMany(.ofAll)
  private var timer: Scheduled<Void>?
  /// Why it ended, for the log.
  private var reason = ServerSession.CloseReason.disconnect
  /// What failed below the session, which then is why it ended.
  private var fault: String?

  init(
    _ service: FrontendService,
    _ listener: FrontendProjection.Listener,
    _ channel: any Channel,
    _ ends: ConnectionEnds,
    for client: Client = .known,
    submitter: LocalSubmitters.Connection? = nil
  ) {
    self.service = service
    self.client = client
    self.submitter = submitter
    self.listener = listener
    self.channel = channel
    id = ends.id
    source = submitter == nil ? ends.source : .local
    local = ends.local
  }

  func channelActive(context: ChannelHandlerContext) {
    let welcome = service.begin(self)
    self.welcome = welcome
    guard welcome.isServed, !service.isStopping else {
      logConnection(from: "<unknown>")
      var session = makeSession(hostname: "<unknown>")
      var crowd = ServerSession.Crowd.ofAll
      if case .tooMany(let found) = welcome { crowd = found }
      let actions = session.tooManyConnections(crowd)
      self.session = session
      return perform(actions)
    }
    // Not for those who are refused: a silent client would keep its place for as long as a handshake may take.
    if listener.security.encryption == .immediate { secure() }
    guard submitter == nil else { return named(service.projection.serverName) }
    service.names?.name(of: source) { [weak self] in self?.sourceNamed($0) }
  }

  private func sourceNamed(_ name: ReverseNames.Answer) {
    guard channel != nil else { return }
    reverseLookup = name.lookup
    service.askHostName(of: listener, at: local) { [weak self] hostName in
      self?.listener.hostName = hostName
      self?.named(name.text)
    }
  }

  private func named(_ name: String) {
    guard channel != nil else { return }
    var session = makeSession(hostname: name)
    logConnection(from: name)
    var actions: [ServerSession.Action] = []
    if let encryption { actions = session.secured(encryption, at: Clock.now()) }
    actions += session.connected(at: Clock.now())
    self.session = session
    watchTime()
    perform(actions)
  }

  private func makeSession(hostname: String) -> ServerSession {
    var configuration = ServerSession.Configuration(serverName: listener.hostName)
    configuration.tag = listener.tag
    configuration.encryption =
      switch listener.security.encryption {
      case .none: .none
      case .offered: .offered
      case .required: .required
      case .immediate: .immediate
      }
    configuration.deliveryNotification = listener.notifications == .offered ? .offered : .withheld
    listener.configureAuthentication(of: &configuration)
    configuration.source = listener.receivedSource == .shown ? .shown : .masked
    configuration.headerCompletion =
      listener.port == 587 || source == .local ? .addressesAndMissingFields : .addresses
    let limits = service.projection.limits
    configuration.limits.mailsMax = limits.mailsMax
    configuration.limits.allow(recipients: limits.recipientsMax)
    configuration.limits.messageSizeMax = limits.messageSizeMax
    configuration.limits.errorsMax = limits.errorsMax
    configuration.limits.timeout = limits.timeout
    configuration.limits.commandLengthMax = max(512, limits.commandLineMax - 1)
    configuration.limits.lineLengthMax = max(998, limits.lineMax - 2)
    return ServerSession(
      configuration: configuration,
      client: ServerSession.Client(session: id, source: source, hostname: hostname)
    )
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    isReading = false
    bytesSince += buffer.readableBytes
    let wasReceiving = session?.isReceiving == true
    guard var bytes = buffer.readBytes(length: buffer.readableBytes),
      let actions = session?.received(bytes, at: Clock.now())
    else { return }
    // A password may be in it.
    if !wasReceiving { Secret.wipe(&bytes) }
    let isStep = wasReceiving ? session?.isReceiving == false : !actions.isEmpty
    if isStep || bytesSince >= SessionHandler.bytesInTime {
      lastInput = Clock.rising()
      bytesSince = 0
    }
    perform(actions)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    readIfWanted()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) { readIfWanted() }

  func channelInactive(context: ChannelHandlerContext) { ended() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let failure = error as? TLSFailure { tlsFailed(failure) }
    if let failure = error as? IOError, session?.hasEnded == false {
      fault = systemError(failure.errnoCode)
    }
    context.close(promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .established(let facts)? = event as? TLSEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    secured(facts)
  }

  private func ended() {
    guard channel != nil else { return }
    channel = nil
    timer?.cancel()
    if session?.hasEnded == false, let actions = session?.closed() { perform(actions) }
    if session != nil {
      let why = fault.map { "\"io-error: \($0)\"" } ?? reason.rawValue
      service.context.log.line("\(id) smtp disconnected reason=\(why)")
    }
    service.end(self)
  }

  private func readIfWanted() {
    guard let channel, !isReading, session?.wantsInput == true, channel.isWritable,
      (transaction?.unacknowledged ?? 0) < EdgeLimits.bodyWindow
    else { return }
    isReading = true
    channel.read()
  }

  private func watchTime() {
    guard let channel, let timeout = session?.configuration.limits.timeout else { return }
    let limit = timeout.wholeMilliseconds
    let silent = session?.awaitsClient == true ? Clock.rising() - lastInput : 0
    if silent >= limit {
      if let actions = session?.timedOut() { perform(actions) }
      return
    }
    timer = channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(limit - silent)) {
      [weak self] in self?.watchTime()
    }
  }

  // MARK: - Actions

  /// Does the actions in order; those of an answer that comes meanwhile go behind them.
  private func perform(_ actions: [ServerSession.Action]) {
    pending += actions
    guard !isPerforming else { return }
    isPerforming = true
    var next = 0
    while next < pending.count {
      let action = pending[next]
      next += 1
      perform(action)
    }
    pending.removeAll(keepingCapacity: true)
    isPerforming = false
    readIfWanted()
  }

  private func perform(_ action: ServerSession.Action) {
    switch action {
    case .write(let bytes):
      guard let channel else { return }
      channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: nil)
    case .beginTransaction(let mail): begin(mail)
    case .checkRecipient(let recipient):
      if let transaction { service.check(recipient, of: transaction, for: self) }
    case .bodyChunk(let bytes):
      if let transaction { service.send(bytes, of: transaction, for: self) }
    case .submit(let message, _):
      if let transaction { service.submit(message, of: transaction, for: self) }
    case .abort:
      if let transaction { service.abort(transaction) }
      transaction = nil
    case .secure: secure()
    case .verify(let credentials):
      service.authentications.verify(credentials, listener: listener.index, source: source) {
        [weak self] verdict in
        self?.go { $0.authenticationAnswered(verdict, at: Clock.now()) }
      }
    case .checkSender(let sender, let user):
      service.authentications.check(sender, user: user, listener: listener.index) {
        [weak self] verdict in
        self?.go { $0.senderAnswered(verdict, at: Clock.now()) }
      }
    case .log(let event): log(event)
    case .close(let reason):
      self.reason = reason
      guard let channel else { return }
      // It would wait for what the client may never say.
      if isShakingHands { return channel.close(promise: nil) }
      // What was written leaves before the end does.
      let loop = channel.eventLoop.assumeIsolated()
      channel.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { _ in
        channel.close(promise: nil)
      }
      timer?.cancel()
      timer = loop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
    }
  }

  private func begin(_ mail: MailCommand) {
    guard let facts = session?.facts else { return }
    let slot = submitter?.beginMessage()
    if submitter != nil, slot == nil {
      let refusal = ServerSession.TransactionAnswer.refused(LocalSubmitters.tooManyMessages)
      if let actions = session?.transactionAnswered(refusal, at: Clock.now()) { perform(actions) }
      return
    }
    service.beginTransaction(mail, facts: facts) { [self] answer, transaction in
      guard channel != nil else {
        if let transaction { service.abort(transaction) }
        return
      }
      transaction?.slot = slot
      transaction?.share = service.openEnvelopes.share(of: submitter?.user, at: source)
      self.transaction = transaction
      if let actions = session?.transactionAnswered(answer, at: Clock.now()) { perform(actions) }
    }
  }

  // MARK: - TLS

  private func secure() {
    guard let channel else { return }
    isShakingHands = true
    do {
      let handler = try service.tls.handler(for: listener)
      try channel.pipeline.syncOperations.addHandler(handler, position: .before(self))
    } catch {
      tlsFailed(.handshake("\(error)"))
      channel.close(promise: nil)
    }
  }

  private func secured(_ facts: TLSSession.Facts) {
    isShakingHands = false
    let log = service.context.log
    log.line("\(id) smtp tls ciphers=\(facts.text)")
    if facts.peer != .absent {
      let result = facts.peer == .valid ? "verified" : "unchecked"
      log.line(
        "\(id) smtp cert-check result=\"\(result)\" fingerprint=\"\(facts.fingerprintText)\""
      )
    }
    lastInput = Clock.rising()
    let encryption = ServerSession.Encryption(
      version: facts.version,
      cipher: facts.cipher,
      bits: facts.bits,
      client: facts.peer == .valid ? .verified : .unverified
    )
    if self.encryption == nil { service.counters.secured(listener.security.encryption) }
    self.encryption = encryption
    if let actions = session?.secured(encryption, at: Clock.now()) { perform(actions) }
  }

  private func tlsFailed(_ failure: TLSFailure) {
    let text =
      switch failure {
      case .handshake(let text), .signature(let text): "TLS handshake failed: \(text)"
      case .record(let text): "TLS failed: \(text)"
      }
    service.context.log.line("\(id) smtp bad-input result=\"\(text)\"")
    if case .record = failure { fault = text }
    if let actions = session?.tlsFailed() {
      perform(actions)
    } else {
      reason = .tlsFailed
    }
  }

  // MARK: - Answers

  /// Tells the session something, and does what follows.
  private func go(_ event: (inout ServerSession) -> [ServerSession.Action]) {
    guard var session else { return }
    self.session = nil
    let actions = event(&session)
    self.session = session
    lastInput = Clock.rising()
    perform(actions)
  }

  func recipientAnswered(
    _ index: Int,
    _ verdict: ServerSession.RecipientVerdict,
    of asked: OpenTransaction
  ) {
    guard asked === transaction else { return }
    if let actions = session?.recipientAnswered(index, verdict, at: Clock.now()) {
      perform(actions)
    }
  }

  func transactionFailed(_ reply: Reply) {
    session?.transactionFailed(reply)
    readIfWanted()
  }

  func submitAnswered(_ answer: ServerSession.MessageAnswer) {
    let done = transaction
    transaction = nil
    guard let actions = session?.messageAnswered(answer, at: Clock.now()) else { return }
    perform(actions)
    guard case .stored = answer, let done else { return }
    let sender = done.message.sender.map { "\($0)" } ?? ""
    done.recipients.forEach(of: done.id) { envelope, recipient in
      service.context.log.line(
        "\(id) smtp envelope evpid=\(envelope) from=<\(sender)> to=<\(recipient)>"
      )
    }
  }

  func creditArrived() { readIfWanted() }

  func stopServing() {
    if let actions = session?.serverStopping() {
      perform(actions)
    } else {
      channel?.close(promise: nil)
    }
  }
}
