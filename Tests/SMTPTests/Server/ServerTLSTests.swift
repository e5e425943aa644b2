// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("STARTTLS at the server")
struct ServerTLSTests {
  private func peer(_ policy: ServerSession.EncryptionPolicy) -> ServerPeer {
    var configuration = ServerSession.Configuration(serverName: "mx.example.org")
    configuration.encryption = policy
    return ServerPeer(configuration)
  }

  @Test("it is offered behind DSN, taken once, and then neither offered nor taken")
  func offered() {
    var peer = peer(.offered)
    #expect(peer.exchange("EHLO c.example.com\r\n").contains("250-DSN\r\n250-STARTTLS\r\n"))
    #expect(
      peer.exchange("starttls x\r\n")
        == "501 5.5.4 Invalid command arguments: No parameters allowed\r\n"
    )
    #expect(peer.exchange("STARTTLS\r\n") == "220 2.0.0 Ready to start TLS\r\n")
    #expect(peer.secured == 1)
    #expect(!peer.session.wantsInput)
    #expect(!peer.session.awaitsClient)
    peer.finishHandshake()
    #expect(peer.exchange("MAIL FROM:<a@example.org>\r\n").hasPrefix("503 5.5.1"))
    #expect(!peer.exchange("EHLO c.example.com\r\n").contains("STARTTLS"))
    #expect(
      peer.exchange("STARTTLS\r\n")
        == "503 5.5.1 Invalid command: Channel already secured\r\n"
    )
    #expect(peer.session.facts.transport == .tls)
  }

  @Test("it comes behind EHLO and in no transaction")
  func order() {
    var peer = peer(.offered)
    let wrong = "503 5.5.1 Invalid command: Command not allowed at this point.\r\n"
    #expect(peer.exchange("STARTTLS\r\n") == wrong)
    peer.send("EHLO c.example.com\r\nMAIL FROM:<a@example.org>\r\n")
    #expect(peer.exchange("STARTTLS\r\n") == wrong)
    #expect(peer.secured == 0)
  }

  @Test("commands behind it in the same packet are forgotten, and so is what came before")
  func injection() {
    var peer = peer(.offered)
    peer.send("EHLO evil.example.com\r\n")
    let answer = peer.exchange(
      "STARTTLS\r\nEHLO evil.example.com\r\nMAIL FROM:<evil@example.org>\r\n"
    )
    #expect(answer == "220 2.0.0 Ready to start TLS\r\n")
    peer.finishHandshake()
    #expect(peer.exchange("").isEmpty)
    #expect(peer.mails.isEmpty)
    #expect(peer.session.facts.helo == "")
    #expect(peer.exchange("RCPT TO:<b@example.org>\r\n").hasPrefix("503"))
  }

  @Test("where it is required MAIL has to wait for it")
  func required() {
    var peer = peer(.required)
    peer.send("EHLO c.example.com\r\n")
    #expect(
      peer.exchange("MAIL FROM:<a@example.org>\r\n")
        == "530 5.5.1 Invalid command: Must issue a STARTTLS command first\r\n"
    )
    peer.send("STARTTLS\r\n")
    peer.finishHandshake()
    peer.send("EHLO c.example.com\r\n")
    #expect(peer.exchange("MAIL FROM:<a@example.org>\r\n").hasPrefix("250"))
  }

  @Test("a session that began with TLS is secured already")
  func immediate() {
    var peer = peer(.immediate)
    #expect(peer.output.hasPrefix("220 "))
    #expect(!peer.exchange("EHLO c.example.com\r\n").contains("STARTTLS"))
    #expect(
      peer.exchange("STARTTLS\r\n")
        == "503 5.5.1 Invalid command: Channel already secured\r\n"
    )
    #expect(peer.exchange("MAIL FROM:<a@example.org>\r\n").hasPrefix("250"))
  }

  @Test("without TLS the command is not supported")
  func none() {
    var peer = peer(.none)
    peer.send("EHLO c.example.com\r\n")
    #expect(
      peer.exchange("STARTTLS\r\n") == "503 5.5.1 Invalid command: Command not supported\r\n"
    )
  }

  @Test("a handshake that fails ends the session without a word")
  func failed() {
    var peer = peer(.offered)
    peer.send("EHLO c.example.com\r\nSTARTTLS\r\n")
    let before = peer.output
    peer.perform(peer.session.tlsFailed())
    #expect(peer.output == before)
    #expect(peer.closeReason == .tlsFailed)
    peer.perform(peer.session.secured(ServerPeer.encryption, at: peer.now))
    #expect(peer.session.hasEnded)
  }

  @Test(
    "Received says how the message came",
    arguments: [
      (ServerSession.ClientCertificate.unverified, "NO"), (.verified, "YES"),
    ]
  )
  func received(client: ServerSession.ClientCertificate, word: String) {
    var peer = peer(.offered)
    peer.send("EHLO c.example.com\r\nSTARTTLS\r\n")
    peer.finishHandshake(client)
    peer.send("EHLO c.example.com\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n")
    peer.send("DATA\r\n")
    peer.send("Subject: x\r\n\r\nx\r\n.\r\n")
    let body = peer.stored.first?.body ?? ""
    #expect(
      body.contains(
        "with ESMTPS id 00001001 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:\(word))\n\tfor <b@example.org>"
      )
    )
    #expect(peer.stored.first?.message.session.transport == .tls)
  }
}
