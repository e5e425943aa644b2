// SPDX-License-Identifier: ISC

import Mail
import SMTP

/// Any bytes to a server session, in pieces and byte by byte: both must do the same.
///
/// The first byte chooses how far the session is already; 0xff divides the pieces.
enum SMTPLineInput {
  static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var whole = Run()
    var cutUp = Run()
    for line in preamble(Int(first % 5)) {
      whole.send(line)
      cutUp.send(line)
    }
    for piece in bytes.dropFirst().split(separator: 0xff) {
      whole.send(Array(piece))
      for byte in piece { cutUp.send([byte]) }
    }
    // Whether data came before its 354 depends on how the bytes came.
    guard !whole.sawEarlyData, !cutUp.sawEarlyData else { return }
    precondition(whole.output == cutUp.output, "the replies depend on how the bytes came")
    precondition(whole.messages == cutUp.messages, "the messages depend on how the bytes came")
    precondition(whole.session.hasEnded == cutUp.session.hasEnded)
  }

  private static func preamble(_ count: Int) -> [[UInt8]] {
    let lines = [
      "EHLO c.example\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n",
    ]
    return lines.prefix(count).map { Array($0.utf8) }
  }
}

/// A session whose questions are answered at once, and what came of it.
private struct Run {
  var session: ServerSession
  var output: [UInt8] = []
  var messages: [[UInt8]] = []
  private var body: [UInt8] = []
  private var isOpen = false

  init() {
    var configuration = ServerSession.Configuration(serverName: "mx.example")
    configuration.headerCompletion = .addressesAndMissingFields
    configuration.limits.messageSizeMax = 2000
    configuration.limits.lineLengthMax = 500
    configuration.limits.commandLengthMax = 200
    configuration.limits.fieldLengthMax = 300
    configuration.limits.receivedFieldsMax = 5
    configuration.limits.responseLengthMax = 100
    configuration.encryption = .immediate
    configuration.authentication = .offered
    configuration.senders = .masqueraded
    session = ServerSession(
      configuration: configuration,
      client: .init(session: SessionID(1), source: .local, hostname: "localhost")
    )
    let encryption = ServerSession.Encryption(
      version: "TLSv1.3",
      cipher: "TLS_AES_256_GCM_SHA384",
      bits: 256,
      client: .unverified
    )
    perform(session.secured(encryption, at: .epoch))
    perform(session.connected(at: .epoch))
  }

  var sawEarlyData: Bool {
    let reply = ServerReply.earlyData.wireBytes
    return output.suffix(reply.count).elementsEqual(reply)
  }

  mutating func send(_ bytes: [UInt8]) { perform(session.received(bytes, at: .epoch)) }

  private mutating func perform(_ actions: [ServerSession.Action]) {
    for action in actions { perform(action) }
  }

  private mutating func perform(_ action: ServerSession.Action) {
    switch action {
    case .write(let bytes):
      precondition(bytes.suffix(2) == [0x0d, 0x0a])
      output += bytes
    case .beginTransaction:
      precondition(!isOpen)
      guard let id = MessageID(1) else { return }
      isOpen = true
      body = []
      perform(session.transactionAnswered(.opened(id), at: .epoch))
    case .verify(let credentials):
      precondition(!isOpen && !credentials.user.isEmpty)
      let isRight = !credentials.user.hasPrefix("x")
      perform(session.authenticationAnswered(isRight ? .accepted : .denied, at: .epoch))
    case .checkSender(let sender, _):
      precondition(!isOpen)
      let isOwn = sender?.local.hasPrefix("x") != true
      perform(session.senderAnswered(isOwn ? .accepted : .denied, at: .epoch))
    case .checkRecipient(let recipient):
      precondition(isOpen)
      let verdict: ServerSession.RecipientVerdict =
        recipient.address.local.hasPrefix("x")
        ? .refused(Reply(550, nil, "Invalid recipient: <\(recipient.address)>"))
        : .accepted(envelopes: 1)
      perform(session.recipientAnswered(recipient.index, verdict, at: .epoch))
    case .bodyChunk(let chunk):
      precondition(isOpen && !chunk.contains(0x0d))
      body += chunk
    case .submit(let message, let recipients):
      precondition(isOpen && recipients > 0 && message.size == body.count)
      isOpen = false
      messages.append(body)
      perform(session.messageAnswered(.stored, at: .epoch))
    case .abort:
      precondition(isOpen)
      isOpen = false
    case .close:
      precondition(!isOpen && session.hasEnded)
    case .secure, .log:
      break
    }
  }
}
