// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("Smuggling: only CRLF.CRLF ends the data")
struct SmugglingTests {
  /// Bytes between a line of the message and a smuggled transaction, and what they must lead to.
  enum Outcome: Equatable {
    /// Part of a message that is refused at its end; the session goes on.
    case refusedAtEnd
    /// 550, and the session ends.
    case closed
  }

  static let variants: [(String, Outcome)] = [
    ("\n.\n", .closed),
    ("\n.\r\n", .closed),
    ("\r\n.\n", .closed),
    ("\r.\r", .closed),
    ("\r.\r\n", .closed),
    ("\r\n.\r", .closed),
    ("\n.\r", .closed),
    ("\r.\n", .closed),
    ("\r\n.\r\r\n", .closed),
    ("\r\r\n.\n", .closed),
    ("\n\r\n.\n", .closed),
    ("\r\n\n.\r\n", .closed),
    ("\n\n.\n\n", .closed),
    ("\r\n\r.\r\n", .closed),
    ("\r\r.\r\r", .closed),
    ("\n..\n", .refusedAtEnd),
    ("\n..\r\n", .refusedAtEnd),
    ("\r\n..\n", .refusedAtEnd),
    ("\r\n.x\n", .refusedAtEnd),
    ("\n", .refusedAtEnd),
    ("\r", .refusedAtEnd),
    ("\n\r", .refusedAtEnd),
    ("\r\r\n", .refusedAtEnd),
    ("\r\n .\n", .refusedAtEnd),
  ]

  private func receivingPeer() -> ServerPeer {
    var peer = ServerPeer()
    peer.send("EHLO client.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n")
    peer.send("DATA\r\n")
    return peer
  }

  @Test("a variant never ends the data, and what follows is never a command", arguments: variants)
  func variant(_ separator: String, _ outcome: Outcome) {
    for isCutUp in [false, true] {
      var peer = receivingPeer()
      let before = peer.output.utf8.count
      let attack =
        "Subject: x\r\n\r\nline\(separator)MAIL FROM:<admin@example.org>\r\n"
        + "RCPT TO:<victim@example.org>\r\nDATA\r\nforged\r\n.\r\n"
      if isCutUp {
        for byte in attack.utf8 { peer.send([byte]) }
      } else {
        peer.send(attack)
      }
      let replies = String(decoding: Array(peer.output.utf8)[before...], as: UTF8.self)
      #expect(replies == "550 5.5.2 Syntax error: Bare CR or LF in the message\r\n")
      #expect(peer.stored.isEmpty)
      #expect(peer.mails.count == 1)
      #expect(peer.aborts == 1)
      #expect(peer.closeReason == (outcome == .closed ? .badInput : nil))
      if outcome == .refusedAtEnd {
        #expect(peer.exchange("NOOP\r\n") == "250 2.0.0 Ok\r\n")
      }
    }
  }

  @Test("a refused message gives nothing out behind the bare line end")
  func nothingMore() {
    var peer = receivingPeer()
    peer.send("Subject: x\r\n\r\na\nb\r\n.\r\n")
    #expect(peer.stored.isEmpty)
    #expect(peer.aborts == 1)
  }

  @Test("data that comes with DATA, before the 354, ends the session")
  func earlyData() {
    var peer = ServerPeer()
    peer.send("EHLO c.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n")
    let replies = peer.exchange("DATA\r\nSubject: x\r\n\r\n.\r\n")
    #expect(replies == "500 5.5.1 Invalid command: Data sent before it was asked for\r\n")
    #expect(peer.closeReason == .badInput)
    #expect(peer.aborts == 1)
  }

  @Test("data behind a DATA that is refused is never taken for commands")
  func dataBehindRefusal() {
    var peer = ServerPeer()
    peer.send("EHLO c.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<nobody@example.org>\r\n")
    let replies = peer.exchange("DATA\r\nRSET\r\nMAIL FROM:<x@example.com>\r\n.\r\n")
    #expect(replies == "500 5.5.1 Invalid command: Data sent before it was asked for\r\n")
    #expect(peer.mails.count == 1)
    #expect(peer.closeReason == .badInput)
  }

  @Test("data that comes while recipients are waited for ends the session too")
  func earlyDataBehindRecipients() {
    var peer = ServerPeer(answering: .never)
    peer.send("EHLO c.example\r\nMAIL FROM:<a@example.com>\r\n")
    peer.send("RCPT TO:<b@example.org>\r\nDATA\r\n")
    peer.send("Subject: x\r\n")
    let before = peer.writes.count
    peer.answer(0, .accepted(envelopes: 1))
    #expect(
      peer.writes[before...].joined()
        == "250 2.1.5 Destination address valid: Recipient ok\r\n"
        + "500 5.5.1 Invalid command: Data sent before it was asked for\r\n"
    )
    #expect(peer.closeReason == .badInput)
  }
}
