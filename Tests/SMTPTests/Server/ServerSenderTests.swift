// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("What a user who authenticated sends")
struct ServerSenderTests {
  private func peer(
    _ senders: ServerSession.SenderPolicy,
    _ change: (inout ServerSession.Configuration) -> Void = { _ in }
  ) -> ServerPeer {
    var configuration = ServerAuthenticationTests.configuration(.offered)
    configuration.senders = senders
    change(&configuration)
    var peer = ServerPeer(configuration)
    peer.send("EHLO c.example.com\r\n")
    return peer
  }

  private func authenticated(
    _ senders: ServerSession.SenderPolicy,
    _ change: (inout ServerSession.Configuration) -> Void = { _ in }
  ) -> ServerPeer {
    var peer = peer(senders, change)
    peer.send("AUTH PLAIN \(ServerAuthenticationTests.encoded("\0joe\0secret"))\r\n")
    _ = peer.verified(.accepted)
    return peer
  }

  private func body(_ peer: inout ServerPeer, _ message: String) -> String {
    peer.send("RCPT TO:<b@example.org>\r\n")
    peer.send("DATA\r\n")
    peer.send(message + "\r\n.\r\n")
    return peer.stored.last?.body ?? ""
  }

  @Test("senders are asked about once the user is known, and only then")
  func asked() {
    var stranger = peer(.checked)
    #expect(stranger.exchange("MAIL FROM:<a@example.org>\r\n").hasPrefix("250"))
    #expect(stranger.senders.isEmpty)
    var free = authenticated(.anybody)
    #expect(free.exchange("MAIL FROM:<a@example.org>\r\n").hasPrefix("250"))
    #expect(free.senders.isEmpty)
    var peer = authenticated(.checked)
    #expect(peer.exchange("MAIL FROM:<joe@example.org>\r\n") == "")
    #expect(peer.session.wantsInput && !peer.session.awaitsClient)
    peer.send("NO")
    #expect(!peer.session.wantsInput)
    #expect(peer.senders.map(\.user) == ["joe"])
    #expect(peer.senders.map { $0.address?.description } == ["joe@example.org"])
    #expect(peer.permitted(.accepted) == "250 2.0.0 Ok\r\n")
    #expect(peer.exchange("OP\r\n") == "250 2.0.0 Ok\r\n")
    #expect(peer.exchange("RSET\r\n") == "250 2.0.0 Reset state\r\n")
    peer.send("MAIL FROM:<>\r\n")
    #expect(peer.senders.last?.address == nil)
  }

  @Test("a sender that is not the user's is refused, and nothing is begun")
  func refused() {
    var peer = authenticated(.checked)
    peer.send("MAIL FROM:<boss@example.org>\r\n")
    #expect(peer.permitted(.denied) == "530 Sender rejected\r\n")
    #expect(peer.mails.isEmpty)
    #expect(peer.exchange("RCPT TO:<b@example.org>\r\n").hasPrefix("503"))
    peer.send("MAIL FROM:<boss@example.org>\r\n")
    #expect(peer.permitted(.failed) == "421 4.3.0 Temporary failure\r\n")
    #expect(peer.session.hasEnded)
  }

  @Test("a client that goes while its sender is looked at leaves no transaction")
  func gone() {
    var peer = authenticated(.checked)
    peer.send("MAIL FROM:<joe@example.org>\r\n")
    peer.perform(peer.session.closed())
    #expect(peer.aborts == 0)
    #expect(peer.session.senderAnswered(.accepted, at: peer.now).isEmpty)
  }

  @Test(
    "Received has the A of authenticated sessions, and who it was where that is wanted",
    arguments: [ServerSession.AuthenticationDisclosure.hidden, .shown]
  )
  func received(_ disclosure: ServerSession.AuthenticationDisclosure) {
    var peer = authenticated(.anybody) { $0.receivedAuthentication = disclosure }
    peer.send("MAIL FROM:<joe@example.org>\r\n")
    let known = body(&peer, "Subject: x\r\n")
    #expect(known.contains("with ESMTPSA id 00001001 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)"))
    #expect(known.contains(":NO) auth=yes user=joe\n") == (disclosure == .shown))
    #expect(known.contains("auth=") == (disclosure == .shown))
    #expect(peer.stored.last?.message.session.user == "joe")
    var stranger = self.peer(.anybody) { $0.receivedAuthentication = disclosure }
    stranger.send("MAIL FROM:<joe@example.org>\r\n")
    let unknown = body(&stranger, "Subject: x\r\n")
    #expect(unknown.contains("with ESMTPS id"))
    #expect(unknown.contains(":NO) auth=no\n") == (disclosure == .shown))
  }

  @Test("mask-src leaves out where an authenticated message came from")
  func masked() {
    var peer = authenticated(.anybody) { $0.source = .masked }
    peer.send("MAIL FROM:<joe@example.org>\r\n")
    let text = body(&peer, "Subject: x\r\n")
    #expect(text.hasPrefix("Received: by mx.example.org (OpenSMTPD) with ESMTPSA id "))
    #expect(!text.contains("192.0.2.1"))
    #expect(!text.contains("client.example.com"))
  }

  @Test(
    "masquerade makes every address of From the sender's, and leaves names and comments",
    arguments: [
      ("From: boss@example.org", "From: joe@example.org"),
      ("From: \"The Boss\" <boss@example.org>", "From: \"The Boss\" <joe@example.org>"),
      ("From: The Boss <boss@example.org> (really)", "From: The Boss <joe@example.org> (really)"),
      ("from:boss", "from:joe@example.org"),
      (
        "From: a@b.example, \"x, y\" <c@d.example>",
        "From: joe@example.org, \"x, y\" <joe@example.org>"
      ),
      ("From: a @ b.example", "From: joe@example.org"),
      ("From:\r\n\t<boss@example.org>", "From:\n\t<joe@example.org>"),
      ("From: (a (b)) boss@[192.0.2.1] (c\\))", "From: (a (b)) joe@example.org (c\\))"),
      ("From: us: a@b.example, c@d.example;", "From: us: joe@example.org, joe@example.org;"),
      ("From: M. \u{e9} <boss>, ,", "From: M. \u{e9} <joe@example.org>, ,"),
      ("From: <boss@example.org", "From: joe@example.org"),
      ("From: \"boss@example.org", "From: joe@example.org"),
      ("From: \"boss@example.org\\", "From: joe@example.org"),
      ("From: <>", "From: joe@example.org"),
      ("From:", "From: joe@example.org"),
      ("From: \"boss@example.org\":;", "From: joe@example.org"),
      ("From: <a>: boss@example.org;", "From: joe@example.org"),
      ("From: (not closed <boss@example.org>", "From: joe@example.org"),
      ("From:boss@example.org\r\n\tFrom: c@d.example", "From: joe@example.org"),
      ("From: <a@b.example> more c@d.example", "From: joe@example.org"),
      ("From: a@b.example <c@d.example>", "From: joe@example.org"),
      ("From: a@b.example c@d.example", "From: joe@example.org"),
      ("From: a@b.example; c@d.example", "From: joe@example.org"),
      ("From: us: a@b.example", "From: joe@example.org"),
      ("From: <@c.example:a@b.example>", "From: joe@example.org"),
      ("From: <a@b.example>>, x", "From: joe@example.org"),
      ("From: a@b@c.example", "From: joe@example.org"),
      ("From: a@", "From: joe@example.org"),
      ("From: a\\@b.example", "From: joe@example.org"),
      ("Sender: boss@example.org", "Sender: boss@example.org"),
      ("To: you", "To: you@mx.example.org"),
    ]
  )
  func masquerade(sent: String, kept: String) {
    var peer = authenticated(.masqueraded)
    peer.send("MAIL FROM:<joe@example.org>\r\n")
    _ = peer.permitted(.accepted)
    let body = body(&peer, sent + "\r\n\r\nx\r\n")
    #expect(body.contains("\n" + kept + "\n"))
    // Nothing of what was sent goes on in another line.
    #expect(kept != "From: joe@example.org" || !body.contains(kept + "\n\t"))
  }

  @Test("no From is changed for the null sender, nor for one who did not authenticate")
  func unmasked() {
    var null = authenticated(.masqueraded)
    null.send("MAIL FROM:<>\r\n")
    _ = null.permitted(.accepted)
    #expect(body(&null, "From: boss@example.org\r\n").contains("From: boss@example.org\n"))
    var stranger = peer(.masqueraded)
    stranger.send("MAIL FROM:<joe@example.org>\r\n")
    #expect(body(&stranger, "From: boss@example.org\r\n").contains("From: boss@example.org\n"))
  }
}
