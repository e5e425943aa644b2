// SPDX-License-Identifier: ISC

package import Mail

/// AUTH (RFC 4954) at a host that wants to know us: PLAIN where it is offered, else LOGIN, and never in clear.
extension ClientSession {
  /// Who we are at the host.
  package struct Credentials: Equatable, Sendable {
    /// The name.
    package let user: String
    /// What proves it.
    package let password: Secret

    /// As a table says.
    package init(user: String, password: Secret) {
      self.user = user
      self.password = password
    }
  }

  /// What the next reply to AUTH answers.
  enum AuthenticationStep: Equatable, Sendable {
    /// PLAIN, whose answer has no room in the command.
    case plain
    case user
    case password
    case verdict
  }

  /// Bytes of an answer that still leaves with the command (RFC 5321 section 4.5.3.1.4).
  private static let firstAnswerMax = 480

  /// Behind EHLO: says who we are, where that is wanted, and else is ready.
  mutating func authenticate() {
    guard let credentials else { return becomeReady() }
    guard isSecured else { return loseConnection(.authenticationUnavailable) }
    if extensions.authentication.contains("PLAIN") {
      let answer = ClientSession.plain(credentials)
      guard answer.count <= ClientSession.firstAnswerMax else {
        return say("AUTH PLAIN\r\n", expecting: .plain)
      }
      say("AUTH PLAIN \(String(decoding: answer, as: UTF8.self))\r\n", expecting: .verdict)
    } else if extensions.authentication.contains("LOGIN") {
      say("AUTH LOGIN\r\n", expecting: .user)
    } else {
      loseConnection(.authenticationUnavailable)
    }
  }

  mutating func takeAuthentication(_ step: AuthenticationStep, _ reply: Reply) {
    guard let credentials else { preconditionFailure("an answer of AUTH without credentials") }
    if step == .verdict, reply.code / 100 == 2 {
      self.credentials = nil
      return becomeReady()
    }
    guard step != .verdict, reply.code == 334 else {
      return loseConnection(.authenticationRefused(reply))
    }
    var answer: [UInt8] = []
    let next: AuthenticationStep
    switch step {
    case .plain:
      answer = ClientSession.plain(credentials)
      next = .verdict
    case .user:
      SASLText.encode(Array(credentials.user.utf8).span, to: &answer)
      next = .password
    case .password:
      credentials.password.withBytes { SASLText.encode($0.span, to: &answer) }
      next = .verdict
    case .verdict: preconditionFailure("handled above")
    }
    say(String(decoding: answer, as: UTF8.self) + "\r\n", expecting: next)
  }

  private mutating func say(_ line: String, expecting step: AuthenticationStep) {
    output.append(contentsOf: line.utf8)
    expected.append(.authentication(step))
  }

  private static func plain(_ credentials: Credentials) -> [UInt8] {
    var content: [UInt8] = []
    content.reserveCapacity(credentials.user.utf8.count + credentials.password.count + 2)
    content.append(0)
    content.append(contentsOf: credentials.user.utf8)
    content.append(0)
    for byte in credentials.password.withBytes({ $0 }) { content.append(byte) }
    defer { Secret.wipe(&content) }
    var answer: [UInt8] = []
    SASLText.encode(content.span, to: &answer)
    return answer
  }
}
