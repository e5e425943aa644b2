// SPDX-License-Identifier: ISC

import Mail
import SMTP

// What one RCPT costs, in nanoseconds: its path alone, and the whole command in a session that is sent
// batches of them and gets its verdicts at once. Run it as a release build:
//     RecipientBenchmark [RECIPIENTS]

let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
let clock = ContinuousClock()

func report(_ name: String, _ time: Duration, of count: Int) {
  print("\(name): \(Int(time / .nanoseconds(1)) / max(1, count)) ns each, \(count) of them")
}

/// A session in a transaction, and what it wrote.
struct Dialog {
  private var session = ServerSession(
    configuration: .init(serverName: "mx.example.org"),
    client: .init(session: SessionID(1), source: .local, hostname: "localhost")
  )
  private(set) var accepted = 0

  init() {
    perform(session.connected(at: .epoch))
    send(Array("EHLO client.example.org\r\n".utf8))
  }

  mutating func send(_ bytes: [UInt8]) { perform(session.received(bytes, at: .epoch)) }

  private mutating func perform(_ actions: [ServerSession.Action]) {
    for action in actions {
      switch action {
      case .beginTransaction:
        guard let id = MessageID(1) else { preconditionFailure("message zero") }
        perform(session.transactionAnswered(.opened(id), at: .epoch))
      case .checkRecipient(let recipient):
        accepted += 1
        perform(session.recipientAnswered(recipient.index, .accepted(envelopes: 1), at: .epoch))
      case .write, .bodyChunk, .submit, .abort, .close, .log, .secure, .verify, .checkSender: break
      }
    }
  }
}

let paths = (0..<100).map { Array("<recipient.number-\($0)@subdomain.example.org>".utf8) }
var lengths = 0
let parsing = clock.measure {
  for index in 0..<count {
    let line = paths[index % paths.count]
    if let path = try? Address.path(in: line.span) { lengths += path.length }
  }
}
precondition(lengths > count)
report("path", parsing, of: count)

let batch = paths.flatMap { Array("RCPT TO:".utf8) + $0 + Array(" NOTIFY=FAILURE\r\n".utf8) }
let mail = Array("MAIL FROM:<sender@example.org>\r\n".utf8)
let reset = Array("RSET\r\n".utf8)
var accepted = 0
let batches = max(1, count / paths.count)
let commands = clock.measure {
  // A session takes so many transactions, and then is made anew.
  var dialog = Dialog()
  for index in 0..<batches {
    if index % 50 == 49 {
      accepted += dialog.accepted
      dialog = Dialog()
    }
    dialog.send(mail)
    dialog.send(batch)
    dialog.send(reset)
  }
  accepted += dialog.accepted
}
precondition(accepted == batches * paths.count, "\(accepted) accepted")
report("RCPT in batches of \(paths.count)", commands, of: accepted)
