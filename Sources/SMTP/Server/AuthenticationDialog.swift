// SPDX-License-Identifier: ISC

package import Mail

/// The exchange behind AUTH (RFC 4954): PLAIN (RFC 4616), and LOGIN, which has no document but every client.
///
///     PLAIN: ──334──▶ identity NUL user NUL password
///     LOGIN: ──334 Username:──▶ user ──334 Password:──▶ password
///
/// The first answer may come with the command.
struct AuthenticationDialog: Sendable {
  /// What is offered.
  enum Mechanism: String, Sendable {
    case plain = "PLAIN"
    case login = "LOGIN"
  }

  /// What follows an answer of the client.
  enum Step {
    case prompt(Reply)
    case complete(user: String, password: Secret)
    /// The user asks to act as another one.
    case impersonate(user: String)
    case refuse(Reply)
  }

  private enum Stage: Sendable {
    case plain
    case user
    case password(of: String)
  }

  private var stage: Stage
  private let userLengthMax: Int

  init(_ mechanism: Mechanism, userLengthMax: Int) {
    stage = mechanism == .plain ? .plain : .user
    self.userLengthMax = userLengthMax
  }

  /// What the client is asked now.
  var prompt: Reply {
    switch stage {
    case .plain: ServerReply.authenticationPrompt
    case .user: ServerReply.userPrompt
    case .password: ServerReply.passwordPrompt
    }
  }

  /// What the log says instead of the client's answer.
  var label: String {
    switch stage {
    case .plain: "AUTH PLAIN (...)"
    case .user: "AUTH LOGIN (username)"
    case .password: "AUTH LOGIN (password)"
    }
  }

  /// Takes a line of the client, in base64.
  mutating func take(_ line: Span<UInt8>) -> Step {
    if line.count == 1, line[0] == UInt8(ascii: "*") {
      return .refuse(ServerReply.authenticationCancelled)
    }
    guard var content = SASLText.decode(line) else {
      return .refuse(ServerReply.authenticationSyntax)
    }
    defer { Secret.wipe(&content) }
    switch stage {
    case .plain: return plain(content)
    case .user:
      guard let user = user(content[...]) else { return .refuse(ServerReply.authenticationSyntax) }
      stage = .password(of: user)
      return .prompt(prompt)
    case .password(let user): return complete(user, content[...])
    }
  }

  private func plain(_ content: [UInt8]) -> Step {
    let parts = content.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, let user = user(parts[1]) else {
      return .refuse(ServerReply.authenticationSyntax)
    }
    guard parts[0].isEmpty || parts[0].elementsEqual(parts[1]) else {
      return .impersonate(user: user)
    }
    return complete(user, parts[2])
  }

  private func complete(_ user: String, _ password: ArraySlice<UInt8>) -> Step {
    // No line of a file, no key and no log takes them for anything but an attack.
    guard !password.contains(where: { $0 == 0 || $0 == 0x0a || $0 == 0x0d }) else {
      return .refuse(ServerReply.authenticationSyntax)
    }
    return .complete(user: user, password: Secret(Array(password)))
  }

  /// Nil when it is no name that anybody has.
  private func user(_ bytes: ArraySlice<UInt8>) -> String? {
    guard 1...userLengthMax ~= bytes.count, bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      return nil
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension ServerReply {
  /// PLAIN without a first answer.
  static let authenticationPrompt = Reply(334, nil, "")
  /// `Username:`.
  static let userPrompt = Reply(334, nil, "VXNlcm5hbWU6")
  /// `Password:`.
  static let passwordPrompt = Reply(334, nil, "UGFzc3dvcmQ6")
  /// To the right password.
  package static let authenticated = Reply(
    235,
    EnhancedStatus(.success, 0, 0),
    "Authentication succeeded"
  )
  /// To a wrong one, a user that there is not, or one who asks to act as another.
  package static let authenticationFailed = Reply(535, nil, "Authentication failed")
  /// To `*`.
  package static let authenticationCancelled = Reply(
    501,
    EnhancedStatus(.permanent, 7, 0),
    "Authentication cancelled"
  )
  /// To what is no base64, or not of the mechanism's form.
  package static let authenticationSyntax = Reply(
    501,
    describing: EnhancedStatus(.permanent, 5, 2),
    "Syntax error"
  )
  /// To a line of the exchange that is beyond its limit.
  package static let authenticationTooLong = Reply(
    500,
    EnhancedStatus(.permanent, 5, 6),
    "Authentication exchange line is too long"
  )
  /// Nobody could say whether the password is right.
  package static let authenticationUnavailable = Reply(
    421,
    EnhancedStatus(.temporary, 3, 0),
    "Temporary failure"
  )
  /// Behind the last 535 of a session, and to an address that failed too often.
  package static let tooManyAuthenticationFailures = Reply(
    421,
    EnhancedStatus(.temporary, 7, 0),
    "Too many authentication failures, try again later"
  )
  /// To a second AUTH.
  package static let alreadyAuthenticated = Reply(
    503,
    describing: EnhancedStatus(.permanent, 5, 1),
    "Already authenticated"
  )
  /// To MAIL before it.
  package static let authenticationRequired = Reply(
    530,
    describing: EnhancedStatus(.permanent, 5, 1),
    "Must issue an AUTH command first"
  )
  /// To AUTH alone.
  package static let mechanismMissing = Reply(
    501,
    describing: EnhancedStatus(.permanent, 5, 4),
    "No parameters given"
  )
  /// To MAIL from an address that is not the user's.
  package static let senderRejected = Reply(530, nil, "Sender rejected")

  /// To a mechanism that there is not; `name` is printable.
  static func unknownMechanism(_ name: String) -> Reply {
    Reply(
      504,
      describing: EnhancedStatus(.permanent, 7, 4),
      "AUTH method \"\(name)\" not supported"
    )
  }
}
