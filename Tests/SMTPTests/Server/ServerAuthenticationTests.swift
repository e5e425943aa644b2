// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("AUTH at the server")
struct ServerAuthenticationTests {
  static let syntax = "501 5.5.2 Syntax error: Syntax error\r\n"
  static let denied = "535 Authentication failed\r\n"

  static func configuration(
    _ policy: ServerSession.AuthenticationPolicy = .required,
    _ encryption: ServerSession.EncryptionPolicy = .immediate
  ) -> ServerSession.Configuration {
    var configuration = ServerSession.Configuration(serverName: "mx.example.org")
    configuration.encryption = encryption
    configuration.authentication = policy
    return configuration
  }

  static func encoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    SASLText.encode(Array(text.utf8).span, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A session that said EHLO, under TLS.
  private func peer(_ configuration: ServerSession.Configuration = configuration()) -> ServerPeer {
    var peer = ServerPeer(configuration)
    peer.send("EHLO c.example.com\r\n")
    return peer
  }

  private func plain(_ text: String) -> String { "AUTH PLAIN \(Self.encoded(text))\r\n" }

  private func credentials(_ user: String, _ password: String) -> ServerSession.Credentials {
    ServerSession.Credentials(user: user, password: Secret(Array(password.utf8)))
  }

  // MARK: The ways to say it

  @Test("PLAIN with its answer in the command")
  func plainAtOnce() {
    var peer = peer()
    #expect(peer.exchange("auth plain \(Self.encoded("\0joe\0se:cret"))\r\n") == "")
    #expect(peer.attempts == [credentials("joe", "se:cret")])
    #expect(!peer.session.awaitsClient)
    #expect(peer.verified(.accepted) == "235 2.0.0 Authentication succeeded\r\n")
    #expect(peer.logs == [.authentication(user: "joe", .ok)])
    #expect(peer.session.facts.user == "joe")
    #expect(peer.exchange("MAIL FROM:<joe@example.org>\r\n") == "250 2.0.0 Ok\r\n")
  }

  @Test("a first answer that is longer than an answer may be ends the session")
  func longFirstAnswer() {
    var configuration = Self.configuration()
    configuration.limits.commandLengthMax = 65_535
    configuration.limits.responseLengthMax = 100
    var peer = peer(configuration)
    let most = String(repeating: "A", count: 100)
    #expect(peer.exchange("AUTH PLAIN \(most)\r\n") == Self.syntax)
    #expect(peer.exchange("AUTH PLAIN \(most)A\r\n").hasPrefix("500 "))
    #expect(peer.session.hasEnded)
  }

  @Test("what comes behind a refused AUTH is not logged, since it may be its password")
  func answersUnasked() {
    var peer = ServerPeer(Self.configuration(.required, .offered))
    peer.send("EHLO c.example.com\r\n")
    _ = peer.exchange("AUTH LOGIN\r\n\(Self.encoded("joe"))\r\n\(Self.encoded("secret"))\r\n")
    _ = peer.exchange("NOOP\r\nFOO\r\n")
    let commands = peer.logs.compactMap { event -> String? in
      guard case .failedCommand(let command, _) = event else { return nil }
      return command
    }
    #expect(commands == ["AUTH LOGIN", "(...)", "(...)", "FOO"])
  }

  @Test("PLAIN that asks for its answer")
  func plainLater() {
    var peer = peer()
    #expect(peer.exchange("AUTH PLAIN\r\n") == "334 \r\n")
    #expect(peer.session.awaitsClient)
    #expect(peer.exchange(Self.encoded("joe\0joe\0x") + "\r\n") == "")
    #expect(peer.attempts == [credentials("joe", "x")])
  }

  @Test("LOGIN, with and without the user in the command", arguments: [false, true])
  func login(isInitial: Bool) {
    var peer = peer()
    if isInitial {
      #expect(peer.exchange("AUTH LOGIN \(Self.encoded("joe"))\r\n") == "334 UGFzc3dvcmQ6\r\n")
    } else {
      #expect(peer.exchange("AUTH LOGIN\r\n") == "334 VXNlcm5hbWU6\r\n")
      #expect(peer.exchange(Self.encoded("joe") + "\r\n") == "334 UGFzc3dvcmQ6\r\n")
    }
    #expect(peer.exchange(Self.encoded("pässword") + "\r\n") == "")
    #expect(peer.attempts == [credentials("joe", "pässword")])
    #expect(peer.verified(.accepted).hasPrefix("235"))
  }

  @Test("everything may come byte by byte, and in one packet")
  func feeding() {
    let text = "AUTH LOGIN\r\n\(Self.encoded("joe"))\r\n\(Self.encoded("pw"))\r\nNOOP\r\n"
    var slow = peer()
    for byte in text.utf8 { slow.send([byte]) }
    var fast = peer()
    fast.send(text)
    for var peer in [slow, fast] {
      #expect(peer.attempts == [credentials("joe", "pw")])
      // What came behind the password waits for the answer about it.
      #expect(
        peer.verified(.accepted).hasSuffix("235 2.0.0 Authentication succeeded\r\n250 2.0.0 Ok\r\n")
      )
    }
  }

  // MARK: Where and when

  @Test("it is announced behind STARTTLS and taken there, and neither before")
  func onlySecure() {
    var peer = peer(Self.configuration(.required, .offered))
    #expect(!peer.output.contains("AUTH"))
    #expect(
      peer.exchange(plain("\0joe\0secret"))
        == "503 5.5.1 Invalid command: Command not supported\r\n"
    )
    #expect(peer.attempts.isEmpty)
    #expect(
      peer.exchange("MAIL FROM:<a@example.org>\r\n")
        == "530 5.5.1 Invalid command: Must issue an AUTH command first\r\n"
    )
    peer.send("STARTTLS\r\n")
    peer.finishHandshake()
    #expect(peer.exchange(plain("\0joe\0secret")).hasPrefix("503 5.5.1"))
    #expect(peer.exchange("EHLO c.example.com\r\n").contains("250-DSN\r\n250-AUTH PLAIN LOGIN\r\n"))
    peer.send(plain("\0joe\0secret"))
    #expect(peer.attempts.count == 1)
  }

  @Test("TLS comes first where both are demanded")
  func bothRequired() {
    var peer = peer(Self.configuration(.required, .required))
    #expect(peer.exchange("MAIL FROM:<a@example.org>\r\n").contains("STARTTLS"))
  }

  @Test("an optional one may be left out")
  func optional() {
    var peer = peer(Self.configuration(.offered))
    #expect(peer.output.contains("AUTH PLAIN LOGIN"))
    #expect(peer.exchange("MAIL FROM:<a@example.org>\r\n").hasPrefix("250"))
    #expect(peer.session.facts.user == nil)
  }

  @Test("who comes over the submission socket is known already")
  func local() {
    var peer = ServerPeer(.init(serverName: "mx.example.org"), source: .local)
    peer.send("EHLO localhost\r\n")
    #expect(
      peer.exchange(plain("\0joe\0secret"))
        == "503 5.5.1 Invalid command: Already authenticated\r\n"
    )
    #expect(peer.attempts.isEmpty)
  }

  @Test("twice, before EHLO and within a transaction it is at the wrong place")
  func wrongPlace() {
    let wrong = "503 5.5.1 Invalid command: Command not allowed at this point.\r\n"
    var early = ServerPeer(Self.configuration())
    #expect(early.exchange(plain("\0joe\0secret")) == wrong)
    var peer = peer(Self.configuration(.offered))
    peer.send("MAIL FROM:<a@example.org>\r\n")
    #expect(peer.exchange(plain("\0joe\0secret")) == wrong)
    peer.send("RSET\r\n" + plain("\0joe\0secret"))
    _ = peer.verified(.accepted)
    #expect(
      peer.exchange(plain("\0joe\0secret"))
        == "503 5.5.1 Invalid command: Already authenticated\r\n"
    )
    #expect(peer.attempts.count == 1)
  }

  // MARK: What is wrong with it

  @Test("a password where the mechanism should stand is in the reply, and not in the log")
  func misplaced() {
    let secret = Self.encoded("\0bob\0hunter2")
    var peer = peer(Self.configuration(.offered))
    #expect(peer.exchange("AUTH \(secret)\r\n").contains(secret))
    #expect(!peer.logs.isEmpty)
    for event in peer.logs { #expect(!"\(event)".contains(secret)) }
  }

  @Test(
    "each wrong form has its reply, and the session goes on",
    arguments: [
      ("AUTH\r\n", "501 5.5.4 Invalid command arguments: No parameters given\r\n"),
      (
        "AUTH CRAM-MD5\r\n",
        "504 5.7.4 Security features not supported: AUTH method \"CRAM-MD5\" not supported\r\n"
      ),
      (
        "AUTH \u{1}\"PLAIN<script>averylongname\r\n",
        "504 5.7.4 Security features not supported: AUTH method \"?\"PLAIN<script>avery\" not supported\r\n"
      ),
      ("AUTH PLAIN =\r\n", syntax),
      ("AUTH PLAIN !!!!\r\n", syntax),
      ("AUTH PLAIN AGpvZQBzZWNyZXQ\r\n", syntax),
      ("AUTH PLAIN AGpv ZQBz\r\n", syntax),
      ("AUTH PLAIN \(encoded("joe"))\r\n", syntax),
      ("AUTH PLAIN \(encoded("\0joe"))\r\n", syntax),
      ("AUTH PLAIN \(encoded("\0\0secret"))\r\n", syntax),
      ("AUTH PLAIN \(encoded("\0joe\0sec\0ret"))\r\n", syntax),
      ("AUTH PLAIN \(encoded("\0joe\0sec\nret"))\r\n", syntax),
      ("AUTH PLAIN \(encoded("\0jo\re\0secret"))\r\n", syntax),
      ("AUTH PLAIN \(encoded("\0\(String(repeating: "j", count: 256))\0secret"))\r\n", syntax),
      ("AUTH PLAIN AP9qb2UAc2VjcmV0\r\n", "501 5.5.2 Syntax error: Syntax error\r\n"),
      ("AUTH PLAIN\r\n*\r\n", "334 \r\n501 5.7.0 Authentication cancelled\r\n"),
      ("AUTH PLAIN\r\n\r\n", "334 \r\n" + syntax),
      ("AUTH LOGIN\r\n*\r\n", "334 VXNlcm5hbWU6\r\n501 5.7.0 Authentication cancelled\r\n"),
      ("AUTH LOGIN\r\n\r\n", "334 VXNlcm5hbWU6\r\n" + syntax),
      ("AUTH LOGIN\r\nQUIT\r\n", "334 VXNlcm5hbWU6\r\n" + syntax),
      ("AUTH LOGIN am9l\r\n*\r\n", "334 UGFzc3dvcmQ6\r\n501 5.7.0 Authentication cancelled\r\n"),
      ("AUTH LOGIN am9l\r\nc2Vjcm=0\r\n", "334 UGFzc3dvcmQ6\r\n" + syntax),
    ]
  )
  func wrong(command: String, reply: String) {
    var peer = peer()
    #expect(peer.exchange(command) == reply)
    #expect(peer.attempts.isEmpty)
    #expect(peer.exchange("NOOP\r\n") == "250 2.0.0 Ok\r\n")
    #expect(peer.exchange("MAIL FROM:<a@example.org>\r\n").hasPrefix("530"))
  }

  @Test(
    "who asks to act as another user is refused and logged as a wrong password is, and counts as one"
  )
  func impersonation() {
    var peer = peer()
    for attempt in 1...3 {
      #expect(peer.exchange(plain("root\0joe\0secret")) == "")
      #expect(peer.attempts.count == attempt)
      var asked = credentials("joe", "")
      asked.role = .another
      #expect(peer.attempts.last == asked)
      let end = attempt < 3 ? "" : "421 4.7.0 Too many authentication failures, try again later\r\n"
      #expect(peer.verified(.denied) == "535 Authentication failed\r\n" + end)
    }
    #expect(peer.logs.contains(.authentication(user: "joe", .permanent)))
  }

  @Test("no log line has an answer of the client's in it")
  func masked() {
    var peer = peer(Self.configuration(.offered))
    peer.send(plain("x\0joe\0secret"))
    _ = peer.verified(.denied)
    for command in [
      "AUTH PLAIN\r\nc2VjcmV0\r\n", "AUTH LOGIN\r\nc2VjcmV0IQ\r\n",
      "AUTH LOGIN am9l\r\nc2VjcmV0IQ\r\n", "AUTH SECRET c2VjcmV0\r\n",
      "MAIL FROM:<a@example.org>\r\n" + plain("\0joe\0secret"),
    ] {
      peer.send(command)
    }
    let commands = peer.logs.map { event in
      switch event {
      case .failedCommand(let command, _): command
      case .authentication(let user, _): "user=\(user)"
      default: "?"
      }
    }
    #expect(
      commands == [
        "user=joe", "AUTH PLAIN (...)", "AUTH PLAIN (...)", "AUTH LOGIN (username)",
        "AUTH LOGIN (password)", "AUTH (...)", "AUTH PLAIN (...)",
      ]
    )
  }

  @Test("a line of the exchange may be long, and one byte more ends the session")
  func longLines() {
    let password = String(repeating: "p", count: 9000)
    var peer = peer()
    peer.send("AUTH LOGIN am9l\r\n" + Self.encoded(password) + "\r\n")
    #expect(peer.attempts == [credentials("joe", password)])
    #expect(peer.verified(.denied).hasSuffix(Self.denied))

    let limit = Self.configuration().limits.responseLengthMax
    var exact = self.peer()
    exact.send("AUTH LOGIN am9l\r\n" + String(repeating: "A", count: limit) + "\r\n")
    // Bytes of nothing but zero are no password.
    #expect(exact.output.hasSuffix(Self.syntax))
    var beyond = self.peer()
    beyond.send("AUTH LOGIN am9l\r\n" + String(repeating: "A", count: limit + 1) + "\r\n")
    #expect(beyond.output.hasSuffix("500 5.5.6 Authentication exchange line is too long\r\n"))
    #expect(beyond.closeReason == .badInput)
  }

  @Test("a password of 64 KB in the command ends the session like every command of that length")
  func longCommand() {
    var peer = peer()
    peer.send(plain("\0joe\0" + String(repeating: "p", count: 65_536)))
    #expect(peer.output.hasSuffix("500 5.0.0 Command line too long\r\n"))
    #expect(peer.closeReason == .badInput)
    #expect(peer.attempts.isEmpty)
  }

  @Test("a bare line end within the exchange ends the session")
  func bareLineEnd() {
    var peer = peer()
    peer.send("AUTH LOGIN\r\nam9l\nc2VjcmV0\r\n")
    #expect(peer.closeReason == .badInput)
    #expect(peer.attempts.isEmpty)
  }

  // MARK: What becomes of it

  @Test("the third wrong password ends the session, behind its reply")
  func limit() {
    var peer = peer()
    for _ in 1...2 {
      peer.send(plain("\0joe\0wrong"))
      #expect(peer.verified(.denied) == Self.denied)
    }
    peer.send(plain("\0joe\0wrong"))
    #expect(
      peer.verified(.denied)
        == Self.denied + "421 4.7.0 Too many authentication failures, try again later\r\n"
    )
    #expect(peer.closeReason == .badInput)
    #expect(peer.logs.filter { $0 == .authentication(user: "joe", .permanent) }.count == 3)
  }

  @Test("what cannot be found out ends the session with a temporary failure")
  func failed() {
    var peer = peer()
    peer.send(plain("\0joe\0secret"))
    #expect(peer.verified(.failed) == "421 4.3.0 Temporary failure\r\n")
    #expect(peer.closeReason == .failure)
    #expect(peer.logs.first == .authentication(user: "joe", .temporary))
  }

  @Test("an address that failed too often is not even looked at")
  func barred() {
    var peer = peer()
    peer.send(plain("\0joe\0secret"))
    #expect(
      peer.verified(.barred)
        == "421 4.7.0 Too many authentication failures, try again later\r\n"
    )
    #expect(peer.session.hasEnded)
  }

  @Test("a client that goes while it is verified leaves nothing behind")
  func gone() {
    var peer = peer()
    peer.send(plain("\0joe\0secret"))
    peer.perform(peer.session.closed())
    #expect(peer.closeReason == .disconnect)
    #expect(peer.session.authenticationAnswered(.accepted, at: peer.now).isEmpty)
  }

  @Test("nobody is silent for ever within the exchange, and nobody is hurried while we look")
  func silence() {
    var waiting = peer()
    waiting.send("AUTH LOGIN\r\n")
    waiting.perform(waiting.session.timedOut())
    #expect(waiting.closeReason == .timeout)
    var verifying = peer()
    verifying.send(plain("\0joe\0secret"))
    #expect(verifying.session.timedOut().isEmpty)
  }

  @Test("a name cannot write log lines, nor more of one")
  func logged() {
    var peer = peer()
    peer.send(plain("\0joe result=ok\0wrong"))
    _ = peer.verified(.denied)
    #expect(peer.logs.first == .authentication(user: "joe?result=ok", .permanent))
  }
}
