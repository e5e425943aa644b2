// SPDX-License-Identifier: ISC

import Mail
import SMTP
import Submission

/// Any bytes as what a program of this host wants to send, carried to a server session: either it is
/// refused for what it is, or it arrives whole, and never does the server see a line end in it that is none.
///
/// The first byte chooses where the recipients come from: the command line, the fields, or the arguments of
/// a file of the offline directory.
enum SubmissionInput {
  static let choices = 3

  static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    switch first % 3 {
    case 0: submit(rest, ["-f", "a", "b"])
    case 1: submit(rest, ["-t"])
    default:
      guard let message = try? OfflineMessage(parsing: rest) else { return }
      if let again = try? message.encoded() {
        let read = try? OfflineMessage(parsing: again)
        precondition(read == message, "what is kept is not what is read")
      }
      submit(message.input, message.arguments)
    }
  }

  private static func submit(_ input: [UInt8], _ arguments: [String]) {
    guard let options = try? SendmailOptions(arguments),
      let draft = try? SubmissionDraft(
        input,
        options,
        login: .init(name: "user", fullName: "A User"),
        serverName: "host.example",
        now: .epoch
      )
    else { return }
    precondition(!draft.message.contains(0x0d) && !draft.message.contains(0))
    precondition(Set(draft.recipients).count == draft.recipients.count)
    var conversation = Conversation(draft)
    conversation.run()
  }
}

/// A submission and a server session that talk with each other.
private struct Conversation {
  private let draft: SubmissionDraft
  private var client = SubmissionSession(name: "localhost")
  private var server: ServerSession
  private var body: [UInt8] = []
  private var toClient: [UInt8] = []
  private var outcome: SubmissionSession.Outcome?

  init(_ draft: SubmissionDraft) {
    self.draft = draft
    server = ServerSession(
      configuration: ServerSession.Configuration(serverName: "host.example"),
      client: .init(session: SessionID(1), source: .local, hostname: "host.example")
    )
  }

  mutating func run() {
    perform(server.connected(at: .epoch))
    while outcome == nil {
      let bytes = toClient
      toClient = []
      perform(bytes.isEmpty ? client.closed() : client.received(bytes))
    }
    switch outcome {
    case .accepted: precondition(body.starts(with: "Received: from localhost (".utf8))
    case .refused(_, let reply):
      precondition(!reply.lines[0].contains("Bare CR or LF") && !reply.lines[0].contains("NUL"))
    case .unavailable, .cancelled, nil: preconditionFailure("the conversation broke off")
    }
  }

  private mutating func perform(_ actions: [SubmissionSession.Action]) {
    for action in actions {
      switch action {
      case .write(let bytes): perform(server.received(bytes, at: .epoch))
      case .compose(let name):
        precondition(name == "host.example")
        let recipients = draft.recipients.map { ClientRecipient(address: $0) }
        let task = ClientTask(
          sender: draft.sender,
          recipients: recipients,
          size: draft.message.count
        )
        perform(client.start(task, message: draft.message))
      case .close(let outcome): self.outcome = outcome
      }
    }
  }

  private mutating func perform(_ actions: [ServerSession.Action]) {
    for action in actions {
      switch action {
      case .write(let bytes): toClient += bytes
      case .beginTransaction:
        guard let id = MessageID(1) else { preconditionFailure("1 is an identifier") }
        perform(server.transactionAnswered(.opened(id), at: .epoch))
      case .checkRecipient(let recipient):
        perform(server.recipientAnswered(recipient.index, .accepted(envelopes: 1), at: .epoch))
      case .bodyChunk(let bytes): body += bytes
      case .submit: perform(server.messageAnswered(.stored, at: .epoch))
      case .abort, .log, .close: break
      case .checkSender, .secure, .verify: preconditionFailure("nobody asked for TLS or AUTH")
      }
    }
  }
}
