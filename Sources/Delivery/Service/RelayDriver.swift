// SPDX-License-Identifier: ISC

import DNS
import Mail
import NIOCore
import SMTP

/// Carries out what `RelayPool` decides, and tells it what happens. One event loop.
final class RelayDriver {
  /// A session from its connection on.
  final class Live {
    let id: SessionID
    let connection: RelayConnection
    let mode: RelaySecurity.Mode
    let attempt: Attempt
    /// The address that the connection goes out from; nil while there is none.
    var source: String?
    /// The server was shown a ticket of an earlier session.
    var offersTicket = false
    var handler: RelaySessionHandler?
    var task: UInt64?
    var wasReady = false
    /// Between tasks: whoever closes now does no harm.
    var isIdle = false
    var mails = 0
    /// The places of the task's envelopes that the session was given.
    var positions: [Int] = []
    var accepted = 0

    /// Whether the handshake before this one failed.
    enum Attempt {
      case first
      case again
    }

    init(
      _ id: SessionID,
      _ connection: RelayConnection,
      _ mode: RelaySecurity.Mode,
      _ attempt: Attempt
    ) {
      self.id = id
      self.connection = connection
      self.mode = mode
      self.attempt = attempt
    }
  }

  enum Limits {
    /// Names of hosts that are remembered.
    static let pointers = 4096
    /// Relays that want to know who we are.
    static let credentials = 1024
  }

  unowned let service: DeliveryService
  var pool: RelayPool
  var sessions: [UInt64: Live] = [:]
  /// Who we are at the relays that want to know, of the tasks that came last.
  var credentials: [RelayKey: ClientSession.Credentials] = [:]
  /// Nil: asked, and not known.
  private var pointers: [IPAddress: DomainName?] = [:]
  private var pending: [RelayPoolAction] = []
  private var isPerforming = false
  private var timer: Scheduled<Void>?
  private var timerDeadline = Instant.epoch

  init(_ service: DeliveryService) {
    self.service = service
    pool = RelayPool(Self.settings(service), seed: .random(in: 0 ... .max))
  }

  private static func settings(_ service: DeliveryService) -> RelayPool.Settings {
    var settings = RelayPool.Settings()
    settings.limits = service.settings.relayLimits
    settings.limitsByDomain = service.settings.relayLimitsByDomain
    settings.rules.ownNames = service.settings.ownNames
    settings.rules.ownAddresses = service.settings.ownAddresses
    return settings
  }

  func reconfigure() { pool.settings = Self.settings(service) }

  func answered(_ question: DNSQuestion, _ answer: DNSAnswer) {
    guard case .pointer(let address) = question else {
      return perform(pool.answered(question, answer, at: now))
    }
    if case .records(.names(let names)) = answer.outcome { pointers[address] = names.first }
  }

  func askAgain() {
    for question in pool.openQuestions { service.emit(.resolve(question)) }
  }

  func quitIdleSessions() { perform(pool.quitIdleSessions()) }

  // MARK: The pool's actions

  /// Not recursive: what an action sets off comes behind the actions that were decided before it.
  func perform(_ actions: [RelayPoolAction]) {
    pending += actions
    guard !isPerforming else { return }
    isPerforming = true
    while !pending.isEmpty {
      let batch = pending
      pending = []
      for action in batch { perform(action) }
    }
    isPerforming = false
    restartTimer()
  }

  private func perform(_ action: RelayPoolAction) {
    switch action {
    case .ask(let question): service.emit(.resolve(question))
    case .connect(let id, let connection): connect(id, connection, connection.relay.mode)
    case .deliver(let task, let session): deliver(task, session)
    case .quit(let session): sessions[session]?.handler?.quit()
    case .hold(let task, let hold): service.conclude(task, .held(hold))
    case .release(let hold, .some(let count)): service.emit(.release(hold, count: count))
    case .release(let hold, .all): service.emit(.release(hold, count: nil))
    case .fail(let task, let failure, let pause): fail(task, failure, pause)
    case .log(let line): service.log(line)
    }
  }

  /// Ends the try of a task that no session has.
  func fail(_ task: UInt64, _ failure: RelayFailure, _ pause: Duration? = nil) {
    // Of several hosts in turn another one may be well.
    if let pause, pause > .zero, service.hasOneWay(task) {
      service.emit(.destinationRests(task: task, pause))
    }
    let outcome: DeliveryOutcome =
      switch failure.kind {
      case .temporary: .temporary(failure.status, failure.text)
      case .permanent: .permanent(failure.status, failure.text)
      case .loop: .loop(failure.text)
      }
    for position in service.undecided(task) {
      service.note(task, position, outcome)
      logDelivery(task, position, outcome, nil)
    }
    service.end(task)
  }

  private func deliver(_ id: UInt64, _ session: UInt64) {
    guard let task = service.task(id) else { preconditionFailure("a task that has ended waits") }
    guard let live = sessions[session], let handler = live.handler else {
      return service.conclude(id, .temporary(RelayFailure.networkError.status, "Connection lost"))
    }
    live.task = id
    live.isIdle = false
    live.accepted = 0
    // Small ones came along; of the others the first window is fetched while the peer answers MAIL.
    service.openBody(task)
    live.positions = service.undecided(id)
    handler.start(clientTask(task, live.positions))
  }

  private func clientTask(_ task: DeliveryTask, _ positions: [Int]) -> ClientTask {
    let message = task.message
    var sender = message.sender
    if let plain = sender, case .relay(let action) = service.settings.actions[task.action],
      let rewrite = action.rewrite
    {
      sender = rewrite.rewriting(plain)
    }
    let recipients = positions.map { position in
      let envelope = task.envelopes[position]
      if case .lmtp(let action) = service.settings.actions[task.action] {
        return ClientRecipient(local: envelope, action.recipient)
      }
      var recipient = ClientRecipient(address: envelope.destination)
      recipient.notify = envelope.notify
      recipient.originalRecipient = envelope.originalRecipient
      return recipient
    }
    var result = ClientTask(sender: sender, recipients: recipients, size: message.size)
    result.content = message.content
    result.returnContent = message.returnContent
    result.envelopeIdentifier = message.envelopeIdentifier
    return result
  }

  // MARK: Bodies

  private func bodyWanted(_ live: Live) {
    guard let id = live.task, let task = service.task(id), let handler = live.handler else {
      return
    }
    if let body = task.body, body.readableBytes == task.message.size {
      return handler.body(body)
    }
    service.passBody(task) { [weak handler] piece in
      switch piece {
      case .chunk(let chunk): handler?.bodyArrived(chunk)
      case .end: handler?.bodyEnded()
      case .failed(let reason): handler?.bodyFailed(reason)
      }
    }
  }

  // MARK: The session's events

  func happened(_ event: RelaySessionHandler.Event, _ id: UInt64) {
    guard let live = sessions[id] else { return }
    switch event {
    case .ready: ready(live, id)
    case .outcome(let recipient, let outcome): note(outcome, of: recipient, live)
    case .taskEnded: taskEnded(live)
    case .wantsBody: bodyWanted(live)
    case .bodyWritten(let count):
      if let task = live.task { service.bodyPassedOn(task, count) }
    case .rejectsAllMail: service.log("\(live.id) mta host-rejects-all-mails")
    case .secured(let facts): secured(live, facts)
    case .closed(let reason, let progress): closed(live, id, reason, progress)
    }
  }

  private func ready(_ live: Live, _ id: UInt64) {
    live.isIdle = true
    guard live.wasReady else {
      live.wasReady = true
      return perform(pool.sessionReady(id, at: now))
    }
    let ending: RelayPool.TaskEnding = live.accepted > 0 ? .accepted : .refused
    perform(pool.taskEnded(session: id, ending, at: now))
  }

  private func note(_ outcome: ClientSession.Outcome, of recipient: Int, _ live: Live) {
    guard let task = live.task else { return }
    let result: DeliveryOutcome
    switch outcome {
    case .delivered(let reply):
      live.accepted += 1
      guard service.task(task)?.isForAction != true else {
        result = .delivered(text: "Delivered", relay: nil, support: .none)
        break
      }
      let promisesNotices =
        live.handler?.announces(.deliveryNotification) == true
      result = .delivered(
        text: DeliveryText.sanitized(reply.description),
        relay: relayName(live.connection),
        support: promisesNotices ? .promised : .none
      )
    case .temporary(let status, let text):
      result = .temporary(status, DeliveryText.sanitized(text))
    case .permanent(let status, let text):
      result = .permanent(status, DeliveryText.sanitized(text))
    }
    let position = live.positions[recipient]
    // A server that delivers for this host's users is a part of it.
    let isOwn = service.task(task)?.isForAction == true
    service.note(task, position, result, peer: isOwn ? "" : live.connection.peerName)
    logDelivery(task, position, result, live)
  }

  private func taskEnded(_ live: Live) {
    guard let task = live.task else { return }
    live.task = nil
    if live.accepted > 0 { live.mails += 1 }
    service.end(task)
  }

  private func closed(
    _ live: Live,
    _ id: UInt64,
    _ reason: ClientSession.CloseReason,
    _ progress: RelaySessionHandler.Progress
  ) {
    sessions[id] = nil
    if case .tlsFailed(let reason) = reason, live.offersTicket, live.attempt == .first,
      !live.wasReady
    {
      // It may be the ticket that it does not like, which is forgotten now.
      let text = DeliveryText.sanitized(reason)
      service.log(
        "\(live.id) mta error reason=TLS failed (\(text)), going on with a new session of TLS"
      )
      return connect(id, live.connection, live.mode, .again)
    }
    if case .tlsFailed(let reason) = reason, live.mode == .opportunistic, !live.wasReady {
      let text = DeliveryText.sanitized(reason)
      service.log("\(live.id) mta error reason=TLS failed (\(text)), going on in clear")
      return connect(id, live.connection, .never)
    }
    let returned = progress == .untouched ? live.task : nil
    let wasIdle = live.isIdle || returned != nil
    switch reason {
    case .quit: service.log("\(live.id) mta disconnected reason=quit messages=\(live.mails)")
    case .lost where wasIdle:
      service.log("\(live.id) mta disconnected reason=disconnect messages=\(live.mails)")
    default: service.log("\(live.id) mta error reason=\(Self.text(reason))")
    }
    let ending: Route.Ending
    let failure: RelayFailure
    switch (reason, live.wasReady) {
    case (_, true) where wasIdle: (ending, failure) = (.orderly, .networkError)
    case (.quit, true), (.bodyAborted, true): (ending, failure) = (.orderly, .networkError)
    case (_, true): (ending, failure) = (.interrupted, .networkError)
    case (.refused, false): (ending, failure) = (.failed, .rejectsAll)
    case (.tlsFailed, false), (.tlsUnavailable, false):
      (ending, failure) = (.failed, .tls(DeliveryText.sanitized(ClientSession.text(of: reason))))
    case (.unsigned(let text), false): (ending, failure) = (.failed, .unsigned(text))
    case (.authenticationUnavailable, false), (.authenticationRefused, false):
      let text = DeliveryText.sanitized(ClientSession.text(of: reason))
      (ending, failure) = (.failed, .authentication(text))
    case (_, false): (ending, failure) = (.failed, .networkError)
    }
    perform(
      pool.sessionEnded(id, ending, returned: returned, failure: failure, at: now)
    )
  }

  private static func text(_ reason: ClientSession.CloseReason) -> String {
    switch reason {
    case .quit: "quit"
    case .refused(let reply): DeliveryText.sanitized(reply.description)
    case .lost: "Connection closed unexpectedly"
    case .timeout: "Connection timeout"
    case .nonsense(let text): DeliveryText.sanitized(text)
    case .bodyAborted: "Message could not be read"
    case .tlsUnavailable, .tlsFailed, .unsigned, .authenticationUnavailable, .authenticationRefused:
      DeliveryText.sanitized(ClientSession.text(of: reason))
    }
  }

  // MARK: Names, time, log

  func askPointer(_ address: IPAddress) {
    guard pointers[address] == nil else { return }
    if pointers.count >= Limits.pointers { pointers = [:] }
    pointers[address] = .some(nil)
    service.emit(.resolve(.pointer(address)))
  }

  func hostName(_ connection: RelayConnection) -> String {
    let pointer = connection.route.endpoint.address.flatMap(pointer)
    return pointer?.text ?? connection.name?.text ?? "<unknown>"
  }

  /// The name that the address leads back to; nil until it is known.
  func pointer(_ address: IPAddress) -> DomainName? { pointers[address] ?? nil }

  private func relayName(_ connection: RelayConnection) -> String {
    "\(connection.route.endpoint) (\(hostName(connection)))"
  }

  private func logDelivery(
    _ task: UInt64,
    _ position: Int,
    _ outcome: DeliveryOutcome,
    _ live: Live?
  ) {
    guard let task = service.task(task) else { return }
    let envelope = task.envelopes[position]
    guard envelope.kind == .relay else {
      let session = live?.id ?? SessionID(0)
      let line = DeliveryLog.local(session, task.message, envelope, outcome, at: service.clock())
      if let line { service.log(line) }
      return
    }
    let line = DeliveryLog.relay(
      live?.id ?? SessionID(0),
      task.message,
      envelope,
      outcome,
      source: live?.source ?? live?.connection.route.source?.description ?? "-",
      relay: live.map { relayName($0.connection) } ?? "-",
      at: service.clock()
    )
    if let line { service.log(line) }
  }

  /// Time that never goes back.
  var now: Instant {
    Instant(milliseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000))
  }

  private func restartTimer() {
    guard let next = pool.nextDeadline, timer == nil || next < timerDeadline else { return }
    timer?.cancel()
    timerDeadline = next
    let pause = max(0, next.milliseconds - now.milliseconds)
    timer = service.eventLoop.assumeIsolated()
      .scheduleTask(in: .milliseconds(pause)) { [weak self] in
        guard let self else { return }
        timer = nil
        perform(pool.timerFired(at: now))
      }
  }
}
