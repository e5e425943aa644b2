// SPDX-License-Identifier: ISC

import Mail
import SMTP

/// Any bytes to client sessions as what a server says, in pieces and byte by byte: both must do the
/// same, and tell one outcome for each recipient of each task.
///
/// The first byte chooses the dialect and whether the server was polite so far; 0xff divides the pieces.
enum ReplyInput {
  static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let dialect = first & 1 == 0 ? ClientSession.Dialect.smtp : .lmtp
    var whole = Run(dialect)
    var cutUp = Run(dialect)
    if first & 2 != 0 {
      for line in ["220 hi", "250-mx", "250-SIZE 100", "250-DSN", "250 PIPELINING"] {
        whole.receive(Array("\(line)\r\n".utf8))
        cutUp.receive(Array("\(line)\r\n".utf8))
      }
    }
    for piece in bytes.dropFirst().split(separator: 0xff) {
      whole.receive(Array(piece))
      for byte in piece { cutUp.receive([byte]) }
    }
    whole.end()
    cutUp.end()
    precondition(whole.output == cutUp.output || whole.isEarly || cutUp.isEarly)
  }
}

/// A session that is given tasks as long as it takes them.
private struct Run {
  private var session: ClientSession
  private(set) var output: [UInt8] = []
  /// More came than was asked for, in one piece: what it means depends on the pieces.
  private(set) var isEarly = false
  private var outcomes: [Int: Int] = [:]
  private var isBusy = false
  private var tasks = 0

  init(_ dialect: ClientSession.Dialect) {
    var limits = ClientSession.Limits()
    limits.replyLineLengthMax = 100
    limits.replyLinesMax = 10
    limits.recipientsInFlightMax = 3
    session = ClientSession(name: "me.example", dialect: dialect, limits: limits)
    perform(session.connected())
  }

  mutating func receive(_ bytes: [UInt8]) {
    let actions = session.received(bytes)
    let waits = actions.contains { $0 == .ready || $0 == .sendBody }
    let isOneLine = bytes.firstIndex(of: 0x0a).map { $0 + 1 == bytes.count } ?? true
    if !isOneLine, waits || session.hasEnded { isEarly = true }
    perform(actions)
  }

  mutating func end() {
    perform(session.closed())
    precondition(session.hasEnded && !isBusy)
  }

  private mutating func perform(_ actions: [ClientSession.Action]) {
    for action in actions { perform(action) }
  }

  private mutating func perform(_ action: ClientSession.Action) {
    switch action {
    case .write(let bytes):
      output += bytes
    case .ready:
      guard session.isReady else { return }
      start()
    case .sendBody:
      perform(session.bodyChunk(Array("A: b\n\n.x".utf8)))
      perform(session.bodyEnded())
    case .outcome(let recipient, _):
      precondition(isBusy && outcomes.updateValue(1, forKey: recipient) == nil)
    case .taskEnded:
      precondition(isBusy && outcomes.count == 5)
      isBusy = false
    case .rejectsAllMail, .secure:
      break
    case .close:
      precondition(session.hasEnded && !isBusy)
    }
  }

  private mutating func start() {
    guard tasks < 20 else { return perform(session.quit()) }
    tasks += 1
    isBusy = true
    outcomes = [:]
    let recipients = (0..<5).map { ClientRecipient(address: Address(local: "r\($0)", domain: "d")) }
    perform(session.start(ClientTask(sender: nil, recipients: recipients, size: 10)))
  }
}
