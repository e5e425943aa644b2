// SPDX-License-Identifier: ISC

import Mail

@testable import SMTP

/// Drives a server session as a test wants it: answers at once or late, and keeps all that it gave out.
///
/// Recipients whose local part is `nobody` are refused, `later` deferred, `alias` two envelopes.
struct ServerPeer {
  enum Answering {
    case atOnce
    /// When all input is taken, the last question first.
    case lateAndBackwards
    case never
  }

  struct Stored: Equatable {
    let message: Message
    let body: String
    let recipients: [RecipientCommand]
  }

  /// A question about MAIL.
  struct Sender: Equatable {
    let address: Address?
    let user: String
  }

  var session: ServerSession
  var answering: Answering
  /// Answers `submit`.
  var messageAnswer = ServerSession.MessageAnswer.stored
  var transactionRefusal: Reply?
  var now = Instant(seconds: 1_577_836_800)

  /// One element a write.
  private(set) var writes: [String] = []
  private(set) var stored: [Stored] = []
  private(set) var mails: [MailCommand] = []
  private(set) var asked: [RecipientCommand] = []
  private(set) var aborts = 0
  private(set) var logs: [ServerSession.LogEvent] = []
  private(set) var closeReason: ServerSession.CloseReason?
  /// Whom the session wanted to be verified, and which senders it asked about.
  private(set) var attempts: [ServerSession.Credentials] = []
  private(set) var senders: [Sender] = []
  /// How often TLS was asked for.
  private(set) var secured = 0

  private var questions: [RecipientCommand] = []
  private var recipients: [RecipientCommand] = []
  private var body: [UInt8] = []
  private var isOpen = false
  private var nextMessage: UInt32 = 0x0000_1001

  init(
    _ configuration: ServerSession.Configuration = .init(serverName: "mx.example.org"),
    answering: Answering = .atOnce,
    source: SourceAddress = .inet4(0xc000_0201),
    hostname: String = "client.example.com"
  ) {
    self.answering = answering
    session = ServerSession(
      configuration: configuration,
      client: .init(session: SessionID(0x1234), source: source, hostname: hostname)
    )
    if configuration.encryption == .immediate {
      perform(session.secured(ServerPeer.encryption, at: now))
    }
    perform(session.connected(at: now))
  }

  static let encryption = ServerSession.Encryption(
    version: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    bits: 256,
    client: .unverified
  )

  /// The handshake that was asked for is over.
  mutating func finishHandshake(_ client: ServerSession.ClientCertificate = .unverified) {
    var encryption = ServerPeer.encryption
    encryption.client = client
    perform(session.secured(encryption, at: now))
  }

  /// Says whether it is the user that was to be verified, and returns what was written since.
  mutating func verified(_ verdict: ServerSession.AuthenticationVerdict) -> String {
    let before = writes.count
    perform(session.authenticationAnswered(verdict, at: now))
    return writes[before...].joined()
  }

  /// Says whether the user may send from there, and returns what was written since.
  mutating func permitted(_ verdict: ServerSession.SenderVerdict) -> String {
    let before = writes.count
    perform(session.senderAnswered(verdict, at: now))
    return writes[before...].joined()
  }

  /// All that was written.
  var output: String { writes.joined() }

  mutating func send(_ text: String) { send(Array(text.utf8)) }

  mutating func send(_ bytes: [UInt8]) {
    perform(session.received(bytes, at: now))
    if answering == .lateAndBackwards { answerBackwards() }
  }

  /// Sends, and returns what was written since.
  mutating func exchange(_ text: String) -> String {
    let before = writes.count
    send(text)
    return writes[before...].joined()
  }

  mutating func answer(_ index: Int, _ verdict: ServerSession.RecipientVerdict) {
    questions.removeAll { $0.index == index }
    perform(session.recipientAnswered(index, verdict, at: now))
  }

  mutating func perform(_ actions: [ServerSession.Action]) {
    for action in actions {
      precondition(closeReason == nil, "nothing comes behind close")
      perform(action)
    }
  }

  private mutating func perform(_ action: ServerSession.Action) {
    switch action {
    case .write(let bytes): writes.append(String(decoding: bytes, as: UTF8.self))
    case .beginTransaction(let mail): begin(mail)
    case .checkRecipient(let command):
      asked.append(command)
      questions.append(command)
      if answering == .atOnce { answer(command) }
    case .bodyChunk(let chunk): body += chunk
    case .submit(let message, _): submit(message)
    case .abort:
      precondition(isOpen, "an abort without a transaction")
      isOpen = false
      aborts += 1
    case .secure: secured += 1
    case .verify(let credentials): attempts.append(credentials)
    case .checkSender(let sender, let user): senders.append(Sender(address: sender, user: user))
    case .log(let event): logs.append(event)
    case .close(let reason): closeReason = reason
    }
  }

  private mutating func begin(_ mail: MailCommand) {
    mails.append(mail)
    recipients = []
    body = []
    if let transactionRefusal {
      perform(session.transactionAnswered(.refused(transactionRefusal), at: now))
    } else if let id = MessageID(nextMessage) {
      isOpen = true
      nextMessage += 1
      perform(session.transactionAnswered(.opened(id), at: now))
    }
  }

  private mutating func submit(_ message: Message) {
    isOpen = false
    if messageAnswer == .stored {
      stored.append(
        Stored(
          message: message,
          body: String(decoding: body, as: UTF8.self),
          recipients: recipients
        )
      )
    }
    perform(session.messageAnswered(messageAnswer, at: now))
  }

  private mutating func answerBackwards() {
    while let command = questions.popLast() { answer(command) }
  }

  private mutating func answer(_ command: RecipientCommand) {
    let verdict: ServerSession.RecipientVerdict =
      switch command.address.local {
      case "nobody": .refused(Reply(550, nil, "Invalid recipient: <\(command.address)>"))
      case "later": .refused(Reply(451, nil, "Temporary failure: <\(command.address)>"))
      case "alias": .accepted(envelopes: 2)
      default: .accepted(envelopes: 1)
      }
    if case .accepted = verdict { recipients.append(command) }
    answer(command.index, verdict)
  }
}
