// SPDX-License-Identifier: ISC

/// The program that appends one message to a mailbox of the mbox format, run as the user:
/// `mail.mbox LENGTH FILE`, the message on standard input, its sender in SENDER.
///
/// The whole message is read before the file is touched, so that a feeder that dies leaves no part of it;
/// what a failed write left is cut off again, and no signal to this program ends an append that has begun.
/// When it exits with 0 the message would survive a power cut.
package enum MailboxDelivery {
  /// What it is to do.
  struct Request: Equatable {
    var length = AnnouncedLength.unknown
    /// Absolute.
    var path = ""
    /// Empty is the null sender.
    var sender = ""
  }

  private static let usage = "usage: mail.mbox length file"

  /// Delivers; returns the exit code. The reason of a failure is one line on standard error.
  ///
  /// - Parameters:
  ///   - arguments: those behind the program's name.
  ///   - environment: SENDER.
  package static func run(arguments: [String], environment: [String: String]) -> Int32 {
    do throws(AgentFailure) {
      let request = try parse(arguments, environment)
      MailboxFile.survivesLimits()
      let message = try read(from: 0, request.length)
      return MailboxKeeper.run(
        { keeper throws(AgentFailure) in
          try MailboxWriter(path: request.path)
            .append(message, sender: request.sender) { () throws(AgentFailure) in
              try keeper.begin()
            }
        },
        complain: complain
      )
    } catch {
      complain(error)
      return error.code
    }
  }

  private static func complain(_ failure: AgentFailure) {
    MaildirFile.complain("mail.mbox: \(failure.text)")
  }

  static func parse(
    _ arguments: [String],
    _ environment: [String: String]
  ) throws(AgentFailure) -> Request {
    guard arguments.count == 2, let length = AnnouncedLength(arguments[0]),
      arguments[1].hasPrefix("/"), !arguments[1].utf8.contains(0)
    else { throw AgentFailure(code: AgentFailure.Code.usage, text: usage) }
    guard !arguments[1].hasSuffix("/") else {
      throw AgentFailure(
        code: AgentFailure.Code.cannotCreate,
        text: "\(arguments[1]) is a directory, and no mailbox of the mbox format"
      )
    }
    return Request(length: length, path: arguments[1], sender: environment["SENDER"] ?? "")
  }

  /// All of the message.
  static func read(
    from descriptor: CInt,
    _ length: AnnouncedLength
  ) throws(AgentFailure) -> StagedMessage {
    var message = StagedMessage()
    while true {
      let bytes = try MaildirFile.read(descriptor, room: StagedMessage.Limits.piece)
      guard !bytes.isEmpty else { break }
      try message.append(bytes)
      try length.check(message.count, isEnd: false)
    }
    try length.check(message.count, isEnd: true)
    return message
  }
}
