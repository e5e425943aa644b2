// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Mail
internal import SMTP

/// Hands the message on standard input over by LMTP, behind a wrapper:
/// `mail.lmtp DESTINATION user|address NAME`, run as the user. NAME is for LHLO.
///
/// All of the input is read before the server hears of it: a wrapper is killed before its own input is cut
/// off, and then this ends with it. One recipient, one transaction.
enum LMTPDelivery {
  private enum Limits {
    /// Bytes of a message that a wrapper may have made larger.
    static let input = 256 << 20
    /// Bytes that are read at once.
    static let piece = 64 << 10
  }

  private enum Code {
    static let usage: Int32 = 64
    static let unavailable: Int32 = 69
    static let temporary: Int32 = 75
  }

  /// Returns the exit code; what was wrong is the last line on standard error.
  static func run(_ arguments: [String], _ environment: [String: String]) -> Int32 {
    guard arguments.count == 3,
      let destination = try? Configuration.DeliveryAction.LMTP.Destination(
        parsing: arguments[0],
        servicePort: { _ in nil }
      ),
      let recipient = recipient(arguments[1], environment)
    else { return fail("usage: mail.lmtp destination user | address name", Code.usage) }
    do throws(LMTPPeer.Failure) {
      let message = try input()
      let peer = try LMTPPeer(destination)
      let sender = environment["SENDER"].flatMap { try? Address(parsing: $0) }
      let task = ClientTask(sender: sender, recipients: [recipient], size: message.count)
      let session = ClientSession(name: arguments[2], dialect: .lmtp)
      return code(of: converse(peer, session, task, message))
    } catch {
      return fail(error.text, Code.temporary)
    }
  }

  private static func recipient(
    _ form: String,
    _ environment: [String: String]
  ) -> ClientRecipient? {
    switch form {
    case "user":
      guard let user = environment["USER"], UserName.isAcceptable(user) else { return nil }
      var recipient = ClientRecipient(address: Address(local: user, domain: ""))
      recipient.form = .name
      return recipient
    case "address":
      guard let text = environment["RECIPIENT"], let address = try? Address(parsing: text) else {
        return nil
      }
      return ClientRecipient(address: address)
    default: return nil
    }
  }

  /// All of standard input.
  private static func input() throws(LMTPPeer.Failure) -> [UInt8] {
    var message: [UInt8] = []
    while true {
      guard let piece = LMTPPeer.read(STDIN_FILENO, atMost: Limits.piece) else {
        throw LMTPPeer.Failure(text: "the message cannot be read")
      }
      guard !piece.isEmpty else { return message }
      message += piece
      guard message.count <= Limits.input else {
        throw LMTPPeer.Failure(text: "the message is too large")
      }
    }
  }

  /// Carries the session out to its end. Returns what became of the recipient.
  private static func converse(
    _ peer: LMTPPeer,
    _ first: ClientSession,
    _ task: ClientTask,
    _ message: [UInt8]
  ) -> ClientSession.Outcome {
    var session = first
    var outcome = ClientSession.Outcome.temporary(nil, "The LMTP server closed the connection")
    var pending = session.connected()
    var isDone = false
    while true {
      while !pending.isEmpty {
        switch pending.removeFirst() {
        case .write(let bytes): if !peer.write(bytes) { pending += session.closed() }
        case .ready:
          pending += isDone ? session.quit() : session.start(task)
          isDone = true
        case .sendBody: pending += session.bodyChunk(message) + session.bodyEnded()
        case .outcome(_, let result): outcome = result
        case .close: return outcome
        case .secure, .taskEnded, .rejectsAllMail: break
        }
      }
      switch peer.receive(within: session.timeLimit) {
      case .bytes(let bytes): pending = session.received(bytes)
      case .ended: pending = session.closed()
      case .silence: pending = session.timedOut()
      }
    }
  }

  private static func code(of outcome: ClientSession.Outcome) -> Int32 {
    switch outcome {
    case .delivered: 0
    case .temporary(_, let text): fail(text, Code.temporary)
    case .permanent(_, let text): fail(text, Code.unavailable)
    }
  }

  private static func fail(_ text: String, _ code: Int32) -> Int32 {
    _ = LMTPPeer.write(Array("mail.lmtp: \(text)\n".utf8), to: STDERR_FILENO)
    return code
  }
}
