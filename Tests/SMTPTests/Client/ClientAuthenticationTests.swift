// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("AUTH at the client")
struct ClientAuthenticationTests {
  private static let user = "joe@example.org"
  private static let password = "se:cret \u{e4}"

  private static func encoded(_ text: String) -> String { ServerAuthenticationTests.encoded(text) }

  /// A session under TLS from the first byte, behind the reply to EHLO.
  private func peer(
    _ extensions: String...,
    security: ClientSession.Security = .immediate,
    password: String = password
  ) -> ClientPeer {
    var peer = ClientPeer(
      security: security,
      credentials: .init(user: Self.user, password: Secret(Array(password.utf8)))
    )
    peer.receive("220 hi\r\n")
    _ = peer.takeWrites()
    for (index, line) in (["mx"] + extensions).enumerated() {
      peer.receive("250\(index == extensions.count ? " " : "-")\(line)\r\n")
    }
    return peer
  }

  @Test("PLAIN goes first, with its answer in the command")
  func plain() {
    var peer = peer("AUTH LOGIN PLAIN", "SIZE 1000")
    #expect(!peer.session.isReady)
    #expect(
      peer.takeWrites() == ["AUTH PLAIN \(Self.encoded("\0\(Self.user)\0\(Self.password)"))\r\n"]
    )
    peer.receive("235 2.7.0 welcome\r\n")
    #expect(peer.session.isReady)
    // What the server can do is known from EHLO still.
    #expect(peer.session.extensions.sizeMax == 1000)
  }

  @Test("an answer that has no room in a command waits for the prompt")
  func longPlain() {
    let long = String(repeating: "p", count: 400)
    var peer = peer("AUTH PLAIN", password: long)
    #expect(peer.takeWrites() == ["AUTH PLAIN\r\n"])
    peer.receive("334 \r\n")
    #expect(peer.takeWrites() == ["\(Self.encoded("\0\(Self.user)\0\(long)"))\r\n"])
    peer.receive("235 welcome\r\n")
    #expect(peer.session.isReady)
  }

  @Test("LOGIN where there is nothing better")
  func login() {
    var peer = peer("AUTH CRAM-MD5 login")
    #expect(peer.takeWrites() == ["AUTH LOGIN\r\n"])
    peer.receive("334 VXNlcm5hbWU6\r\n")
    #expect(peer.takeWrites() == ["\(Self.encoded(Self.user))\r\n"])
    peer.receive("334 UGFzc3dvcmQ6\r\n")
    #expect(peer.takeWrites() == ["\(Self.encoded(Self.password))\r\n"])
    peer.receive("235 welcome\r\n")
    #expect(peer.session.isReady)
  }

  @Test("behind STARTTLS, by what EHLO says there, and not by what it said before")
  func behindTLS() {
    var peer = peer("AUTH PLAIN", "STARTTLS", security: .required)
    #expect(peer.takeWrites() == ["STARTTLS\r\n"])
    peer.receive("220 go\r\n")
    peer.perform(peer.session.secured())
    _ = peer.takeWrites()
    peer.receive("250-mx\r\n250 AUTH LOGIN\r\n")
    #expect(peer.takeWrites() == ["AUTH LOGIN\r\n"])
  }

  @Test(
    "nothing is told without a mechanism, nor in clear",
    arguments: [
      ("SIZE 1000", ClientSession.Security.immediate), ("AUTH", .immediate),
      ("AUTH CRAM-MD5", .immediate), ("AUTH PLAIN", .never), ("AUTH PLAIN", .opportunistic),
    ]
  )
  func unavailable(extensions: String, security: ClientSession.Security) {
    var peer = peer(extensions, security: security)
    #expect(peer.takeWrites().isEmpty)
    #expect(peer.closeReason == .authenticationUnavailable)
  }

  @Test("a server that knows no EHLO is told nothing")
  func noEHLO() {
    var peer = ClientPeer(
      security: .immediate,
      credentials: .init(user: Self.user, password: Secret([1]))
    )
    peer.receive("220 hi\r\n")
    _ = peer.takeWrites()
    peer.receive("500 what\r\n")
    #expect(peer.takeWrites().isEmpty)
    #expect(peer.closeReason != nil)
  }

  @Test(
    "a refusal at any step ends the session with its words, and nothing more is told",
    arguments: ["535 5.7.8 no", "454 4.7.0 later", "334 more?", "250 what"],
    0...2
  )
  func refused(reply: String, step: Int) {
    var peer = peer("AUTH LOGIN")
    for _ in 0..<step { peer.receive("334 x\r\n") }
    _ = peer.takeWrites()
    peer.receive(reply + "\r\n")
    let isTaken = reply.hasPrefix("334") && step < 2 || reply.hasPrefix("250") && step == 2
    if isTaken {
      #expect(peer.closeReason == nil)
    } else {
      guard case .authenticationRefused(let said)? = peer.closeReason else {
        Issue.record("\(reply) at \(step): \(String(describing: peer.closeReason))")
        return
      }
      #expect(ClientSession.text(of: .authenticationRefused(said)) == "AUTH rejected: \(reply)")
      #expect(peer.takeWrites().isEmpty)
    }
  }
}

@Suite("Base64")
struct SASLTextTests {
  @Test(
    "the examples of RFC 4648, both ways",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
      ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"), ("\0\u{7f}?>", "AH8/Pg=="),
    ]
  )
  func examples(text: String, encoded: String) {
    #expect(ServerAuthenticationTests.encoded(text) == encoded)
    #expect(SASLText.decode(Array(encoded.utf8).span) == Array(text.utf8))
  }

  @Test("every byte comes back")
  func bytes() {
    for length in 0...70 {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 201) }
      var text: [UInt8] = []
      SASLText.encode(bytes.span, to: &text)
      #expect(SASLText.decode(text.span) == bytes)
    }
  }

  @Test(
    "what is not base64 is none",
    arguments: [
      "Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "=Zg=", "Zg==Zg==", "Zm9v ", " Zm9v",
      "Zm\n9v",
      "Zm-_", "Zm9v=", "*",
    ]
  )
  func nonsense(text: String) {
    #expect(SASLText.decode(Array(text.utf8).span) == nil)
  }
}
