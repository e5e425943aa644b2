// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("What is stored of a message")
struct ReceptionTests {
  /// The stored body without Received, fed whole and byte by byte.
  private func reception(
    of message: String,
    _ completion: ServerSession.HeaderCompletion = .addresses
  ) -> String? {
    var results: [String?] = []
    for isCutUp in [false, true] {
      var configuration = ServerSession.Configuration(serverName: "mx.example.org")
      configuration.headerCompletion = completion
      var peer = ServerPeer(configuration)
      peer.send("HELO c.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
      peer.send("DATA\r\n")
      let bytes = Array("\(message).\r\n".utf8)
      if isCutUp {
        for byte in bytes { peer.send([byte]) }
      } else {
        peer.send(bytes)
      }
      let lines = peer.stored.first?.body.split(
        separator: "\n",
        omittingEmptySubsequences: false
      )
      // Received has four lines.
      results.append(lines?.dropFirst(4).joined(separator: "\n"))
    }
    #expect(results[0] == results[1])
    return results[0]
  }

  @Test(
    "lines end in LF, stuffing is undone, the rest is left alone",
    arguments: [
      ("A: b\r\n\r\nx\r\n", "A: b\n\nx\n"),
      ("A: b\r\n\r\n..\r\n...\r\n..x\r\n.y\r\n", "A: b\n\n.\n..\n.x\ny\n"),
      ("A: b\r\n c\r\n\td\r\n\r\n\r\n\r\n", "A: b\n c\n\td\n\n\n\n"),
      ("A: b\r\n", "A: b\n"),
      ("\r\nbody\r\n", "\nbody\n"),
      ("", ""),
      ("no field here\r\nA: b\r\n", "\nno field here\nA: b\n"),
      ("A: b\r\nno field\r\nC: d\r\n", "A: b\n\nno field\nC: d\n"),
      ("A: b\r\n\r\n\u{0}\u{1}é\r\n", "A: b\n\n\u{0}\u{1}é\n"),
      ("A : b\r\n\r\n", "A : b\n\n"),
      ("From someone Mon Jan 1\r\n\r\nx\r\n", "\nFrom someone Mon Jan 1\n\nx\n"),
    ]
  )
  func content(_ message: String, _ stored: String) {
    #expect(reception(of: message) == stored)
  }

  @Test(
    "addresses without a domain get the server's, and nothing else is touched",
    arguments: [
      ("To: a@b, c <d@e>\r\n", "To: a@b, c <d@e>\n"),
      ("To: a\r\n", "To: a@mx.example.org\n"),
      ("to: a, b@c,d\r\n", "to: a@mx.example.org, b@c,d@mx.example.org\n"),
      ("From: Jane <jane>\r\n", "From: Jane <jane@mx.example.org>\n"),
      (
        "Cc: \"x, y\" <z>, (w) v (u)\r\n",
        "Cc: \"x, y\" <z@mx.example.org>, (w) v@mx.example.org (u)\n"
      ),
      ("To: team: a, b@c;, d\r\n", "To: team: a@mx.example.org, b@c;, d@mx.example.org\n"),
      ("To: undisclosed-recipients:;\r\n", "To: undisclosed-recipients:;\n"),
      ("To: a,\r\n b\r\n", "To: a@mx.example.org,\n b@mx.example.org\n"),
      ("To: \"a b\"\r\n", "To: \"a b\"@mx.example.org\n"),
      ("To: Two Words\r\n", "To: Two Words\n"),
      ("To: <>\r\n", "To: <>\n"),
      ("To:\r\n", "To:\n"),
      ("To: \"open\r\n", "To: \"open\n"),
      ("To: (open\r\n", "To: (open\n"),
      ("To: <open\r\n", "To: <open\n"),
      ("Reply-To: a\r\n", "Reply-To: a\n"),
    ]
  )
  func completion(_ message: String, _ stored: String) {
    #expect(reception(of: "\(message)\r\nbody\r\n") == "\(stored)\nbody\n")
    #expect(reception(of: message) == stored)
  }

  @Test("Bcc is dropped with its continuation")
  func blindCopies() {
    #expect(reception(of: "A: b\r\nBCC: x,\r\n y\r\nC: d\r\n\r\nz\r\n") == "A: b\nC: d\n\nz\n")
  }

  @Test("a missing Date and Message-ID are added where mail is submitted, and only there")
  func missingFields() {
    let added =
      "Date: Wed, 1 Jan 2020 00:00:00 +0000 (UTC)\n"
      + "Message-ID: <16f5e66e800.00001001@mx.example.org>\n"
    #expect(reception(of: "A: b\r\n\r\nx\r\n") == "A: b\n\nx\n")
    let submission = ServerSession.HeaderCompletion.addressesAndMissingFields
    #expect(reception(of: "A: b\r\n\r\nx\r\n", submission) == "A: b\n\(added)\nx\n")
    #expect(reception(of: "x\r\n", submission) == "\(added)\nx\n")
    #expect(reception(of: "A: b\r\n", submission) == "A: b\n\(added)")
    let complete = "DATE: now\r\nmessage-id: <x>\r\n\r\nx\r\n"
    #expect(reception(of: complete, submission) == "DATE: now\nmessage-id: <x>\n\nx\n")
  }

  @Test("a message that begins with a continuation is refused at its end")
  func malformed() {
    for start in [" x\r\n", "\tx: y\r\n"] {
      #expect(reception(of: "\(start)A: b\r\n\r\n") == nil)
    }
  }

  @Test("Received tells the way, the one recipient, and the time")
  func received() throws {
    var configuration = ServerSession.Configuration(serverName: "mx.example.org")
    for (source, recipients, text) in [
      (
        ServerSession.SourceDisclosure.shown, "RCPT TO:<c@d>\r\n",
        "Received: from c.example (client.example.com [192.0.2.1])\n"
          + "\tby mx.example.org (OpenSMTPD) with ESMTP id 00001001\n\tfor <c@d>;\n"
          + "\tWed, 1 Jan 2020 00:00:00 +0000 (UTC)\n"
      ),
      (
        .masked, "RCPT TO:<c@d>\r\nRCPT TO:<e@d>\r\n",
        "Received: by mx.example.org (OpenSMTPD) with ESMTP id 00001001;\n"
          + "\tWed, 1 Jan 2020 00:00:00 +0000 (UTC)\n"
      ),
    ] {
      configuration.source = source
      var peer = ServerPeer(configuration)
      peer.send("EHLO c.example\r\nMAIL FROM:<a@b>\r\n\(recipients)")
      peer.send("DATA\r\n")
      peer.send(".\r\n")
      #expect(peer.stored.first?.body == text)
    }
  }

  @Test("Received says that a message came from a program of this host, whom the kernel knows")
  func local() {
    for (disclosure, head) in [
      (
        ServerSession.SourceDisclosure.shown,
        "Received: from localhost (mx.example.org [local])\n\tby mx.example.org (OpenSMTPD) "
      ),
      (.masked, "Received: by mx.example.org (OpenSMTPD) "),
    ] {
      var configuration = ServerSession.Configuration(serverName: "mx.example.org")
      configuration.source = disclosure
      var peer = ServerPeer(configuration, source: .local, hostname: "mx.example.org")
      peer.send("EHLO localhost\r\nMAIL FROM:<a>\r\nRCPT TO:<c@d>\r\n")
      peer.send("DATA\r\n")
      peer.send(".\r\n")
      let body = peer.stored.first?.body ?? ""
      #expect(body.hasPrefix(head + "with ESMTPA id 00001001\n\tfor <c@d>;\n\t"), "\(body)")
      #expect(peer.stored.first?.message.session.source == .local)
    }
  }
}
