// SPDX-License-Identifier: ISC

import Testing

@testable import SMTP

@Suite("STARTTLS at the client")
struct ClientTLSTests {
  private func peer(_ security: ClientSession.Security, _ extensions: String) -> ClientPeer {
    var peer = ClientPeer(security: security)
    peer.receive("220 hi\r\n")
    _ = peer.takeWrites()
    peer.receive("250-mx\r\n250 \(extensions)\r\n")
    return peer
  }

  @Test(
    "where it is offered it comes before mail, and EHLO is said again",
    arguments: [
      ClientSession.Security.opportunistic, .required,
    ]
  )
  func offered(security: ClientSession.Security) {
    var peer = peer(security, "STARTTLS")
    #expect(peer.takeWrites() == ["STARTTLS\r\n"])
    #expect(!peer.session.isReady)
    peer.receive("220 go\r\n")
    #expect(peer.events == [.secure])
    #expect(peer.session.timeLimit == nil)
    peer.perform(peer.session.secured())
    #expect(peer.takeWrites() == ["EHLO me.example\r\n"])
    #expect(!peer.session.extensions.keywords.contains(.startTLS))
    peer.receive("250-mx\r\n250 PIPELINING\r\n")
    #expect(peer.session.isReady)
    #expect(peer.session.isSecured)
  }

  @Test("where it is not offered, or taken back, an opportunist goes on in clear")
  func opportunistic() {
    let none = peer(.opportunistic, "PIPELINING")
    #expect(none.session.isReady)
    var refused = peer(.opportunistic, "STARTTLS")
    refused.receive("454 not now\r\n")
    #expect(refused.session.isReady)
    #expect(!refused.session.isSecured)
  }

  @Test("where it has to be, nothing is sent without it")
  func required() {
    #expect(peer(.required, "PIPELINING").closeReason == .tlsUnavailable)
    var refused = peer(.required, "STARTTLS")
    refused.receive("454 not now\r\n")
    #expect(refused.closeReason == .tlsUnavailable)
    var old = ClientPeer(security: .required)
    old.receive("220 hi\r\n")
    _ = old.takeWrites()
    old.receive("500 what\r\n")
    #expect(old.takeWrites() == [])
    #expect(old.closeReason != nil)
  }

  @Test("what stands behind the 220 in one packet is never taken", arguments: ["250 x\r\n", "x"])
  func injected(behind: String) {
    var peer = peer(.opportunistic, "STARTTLS")
    peer.receive("220 go\r\n" + behind)
    #expect(peer.closeReason == .nonsense("Data behind the reply to STARTTLS"))
  }

  @Test("a handshake that fails ends the session")
  func failed() {
    var peer = peer(.opportunistic, "STARTTLS")
    peer.receive("220 go\r\n")
    peer.perform(peer.session.tlsFailed("no"))
    #expect(peer.closeReason == .tlsFailed("no"))
  }

  @Test("one that fails for want of our signature ends it for another reason")
  func unsigned() {
    var peer = peer(.opportunistic, "STARTTLS")
    peer.receive("220 go\r\n")
    peer.perform(peer.session.unsigned("no"))
    #expect(peer.closeReason == .unsigned("no"))
    #expect(ClientSession.text(of: .unsigned("no")) == "no")
  }

  @Test(
    "never means never, and a connection that is encrypted already is not asked again",
    arguments: [
      ClientSession.Security.never, .immediate,
    ]
  )
  func without(security: ClientSession.Security) {
    #expect(peer(security, "STARTTLS").session.isReady)
  }
}
