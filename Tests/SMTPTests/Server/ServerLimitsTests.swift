// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("The server's limits: at the limit, and one past it")
struct ServerLimitsTests {
  private func peer(_ change: (inout ServerSession.Limits) -> Void) -> ServerPeer {
    var configuration = ServerSession.Configuration(serverName: "mx.example.org")
    change(&configuration.limits)
    var peer = ServerPeer(configuration)
    peer.send("HELO client.example.com\r\n")
    return peer
  }

  private func begin(_ peer: inout ServerPeer) {
    peer.send("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n")
    peer.send("DATA\r\n")
  }

  @Test("a command line")
  func commandLength() {
    var peer = peer { $0.commandLengthMax = 25 }
    #expect(peer.exchange("NOOP 12345678901234567890\r\n") == "250 2.0.0 Ok\r\n")
    #expect(
      peer.exchange("NOOP 123456789012345678901\r\n") == "500 5.0.0 Command line too long\r\n"
    )
    #expect(peer.closeReason == .badInput)
  }

  @Test("a command line without an end, in one piece and byte by byte")
  func endlessCommand() {
    for size in [1, 7, 5000] {
      var peer = peer { _ in }
      let chunk = [UInt8](repeating: 0x41, count: size)
      var sent = 0
      while peer.closeReason == nil, sent < 10_000 {
        peer.send(chunk)
        sent += size
      }
      #expect(peer.writes.last == "500 5.0.0 Command line too long\r\n")
      #expect(sent < 2048 + size)
    }
  }

  @Test("a line of the data")
  func lineLength() {
    var peer = peer { $0.lineLengthMax = 100 }
    begin(&peer)
    let line = String(repeating: "x", count: 100)
    #expect(peer.exchange("A: b\r\n\r\n\(line)\r\n.\r\n").hasPrefix("250 "))
    begin(&peer)
    #expect(peer.exchange("A: b\r\n\r\n\(line)x\r\n.\r\n") == "500 5.0.0 Line too long\r\n")
    #expect(peer.closeReason == .badInput)
    #expect(peer.stored.count == 1)
    #expect(peer.aborts == 1)
  }

  @Test("an endless line of the data ends the session")
  func endlessLine() {
    var peer = peer { _ in }
    begin(&peer)
    let chunk = [UInt8](repeating: 0x41, count: 4096)
    for _ in 0..<17 where peer.closeReason == nil { peer.send(chunk) }
    #expect(peer.writes.last == "500 5.0.0 Line too long\r\n")
  }

  @Test("recipients")
  func recipients() {
    for answering in [ServerPeer.Answering.atOnce, .lateAndBackwards] {
      var peer = peer { $0.recipientsMax = 3 }
      peer.answering = answering
      peer.send("MAIL FROM:<a@example.com>\r\n")
      let commands = ["a", "nobody", "b", "c", "d"].map { "RCPT TO:<\($0)@example.org>\r\n" }
      let replies = peer.exchange(commands.joined()).split(separator: "\r\n").map { $0.prefix(3) }
      #expect(replies == ["250", "550", "250", "250", "451"])
    }
  }

  @Test("recipients that are asked about, refused ones counted")
  func recipientsAsked() {
    var peer = peer { $0.recipientsAskedMax = 2 }
    peer.send("MAIL FROM:<a@example.com>\r\n")
    let commands = ["nobody", "a", "b"].map { "RCPT TO:<\($0)@example.org>\r\n" }
    let replies = peer.exchange(commands.joined()).split(separator: "\r\n").map { $0.prefix(3) }
    #expect(replies == ["550", "250", "451"])
  }

  @Test(
    "so many recipients as are allowed find room, and as many that are refused, while there are numbers"
  )
  func recipientsAllowed() {
    for (allowed, asked) in [(1, 10_000), (20_000, 40_000), (1_000_000, 65_536)] {
      var limits = ServerSession.Limits()
      limits.allow(recipients: allowed)
      #expect(limits.recipientsMax == allowed && limits.recipientsAskedMax == asked)
    }
    var peer = peer { $0.allow(recipients: 10_001) }
    peer.send("MAIL FROM:<a@example.com>\r\n")
    for number in 0...10_001 {
      let reply = peer.exchange("RCPT TO:<r\(number)@example.org>\r\n")
      #expect(reply.hasPrefix(number < 10_001 ? "250" : "451"), "\(number): \(reply)")
    }
  }

  @Test("recipients in flight")
  func recipientsInFlight() {
    var peer = peer { $0.recipientsInFlightMax = 2 }
    peer.answering = .never
    peer.send("MAIL FROM:<a@example.com>\r\n")
    peer.send((0..<4).map { "RCPT TO:<r\($0)@example.org>\r\n" }.joined())
    #expect(peer.asked.count == 2)
    #expect(!peer.session.wantsInput)
    peer.answer(1, .accepted(envelopes: 1))
    #expect(peer.asked.count == 3)
    peer.answer(0, .accepted(envelopes: 1))
    #expect(peer.asked.count == 4)
    #expect(peer.session.wantsInput)
  }

  @Test("transactions")
  func mails() {
    var peer = peer { $0.mailsMax = 2 }
    for _ in 0..<2 {
      #expect(peer.exchange("MAIL FROM:<a@example.com>\r\n") == "250 2.0.0 Ok\r\n")
      peer.send("RSET\r\n")
    }
    #expect(
      peer.exchange("MAIL FROM:<a@example.com>\r\n")
        == "452 4.5.3 Too many recipients: Too many messages sent\r\n"
    )
  }

  @Test("the message's size, every CRLF counted as two and stuffing as none")
  func size() {
    // 6 + 2 + 4 octets as SIZE counts them.
    let message = "A: b\r\n\r\n..x\r\n.\r\n"
    var peer = peer { $0.messageSizeMax = 12 }
    begin(&peer)
    #expect(peer.exchange(message).hasPrefix("250 "))
    peer = self.peer { $0.messageSizeMax = 11 }
    begin(&peer)
    let refusal = "554 5.3.4 Message too big for system: Transaction failed, message too big\r\n"
    #expect(peer.exchange(message) == refusal)
    #expect(peer.exchange("NOOP\r\n") == "250 2.0.0 Ok\r\n")
    #expect(peer.stored.isEmpty)
    #expect(peer.aborts == 1)
  }

  @Test("what is swallowed of a message that is too big")
  func swallowed() {
    var peer = peer {
      $0.messageSizeMax = 10
      $0.swallowedSizeMax = 100
    }
    begin(&peer)
    peer.send("A: b\r\n\r\n")
    #expect(peer.aborts == 0)
    peer.send(String(repeating: "x", count: 92))
    #expect(peer.aborts == 1)
    #expect(peer.closeReason == nil)
    peer.send("x")
    #expect(peer.closeReason == .badInput)
    #expect(peer.writes.last?.hasPrefix("554 5.3.4 ") == true)
  }

  @Test("errors")
  func errors() {
    var peer = peer { $0.errorsMax = 2 }
    #expect(peer.exchange("X\r\nX\r\n").split(separator: "\r\n").count == 2)
    #expect(peer.closeReason == nil)
    #expect(
      peer.exchange("X\r\nNOOP\r\n")
        == "500 5.5.1 Invalid command: Command unrecognized\r\n"
        + "421 4.7.0 Too many errors, closing connection\r\n"
    )
    #expect(peer.closeReason == .badInput)
  }

  @Test("errors, where nobody set a limit: those that smtpd.conf(5) speaks of")
  func usualErrors() {
    var peer = peer { _ in }
    for _ in 0..<25 { peer.send("X\r\n") }
    #expect(peer.closeReason == nil)
    #expect(peer.exchange("X\r\n").hasSuffix("421 4.7.0 Too many errors, closing connection\r\n"))
  }

  @Test("refused recipients are no errors")
  func refusalsAreNoErrors() {
    var peer = peer { $0.errorsMax = 0 }
    peer.send("MAIL FROM:<a@example.com>\r\n")
    for _ in 0..<10 { peer.send("RCPT TO:<nobody@example.org>\r\n") }
    #expect(peer.closeReason == nil)
  }

  @Test("Received fields")
  func receivedFields() {
    let field = "Received: from x\r\n\tby y\r\n"
    var peer = peer { _ in }
    begin(&peer)
    #expect(
      peer.exchange(String(repeating: field, count: 99) + "\r\n.\r\n").hasPrefix("250 ")
    )
    begin(&peer)
    #expect(
      peer.exchange(String(repeating: field, count: 100) + "\r\n.\r\n")
        == "500 5.4.6 Routing loop detected: Loop detected\r\n"
    )
    #expect(peer.closeReason == nil)
  }

  @Test("a field's name, and a field")
  func fields() {
    let malformed =
      "550 5.7.1 Delivery not authorized, message refused: Message is not RFC 2822 compliant\r\n"
    for (message, isTaken) in [
      ("\(String(repeating: "n", count: 20)): x\r\n", true),
      ("\(String(repeating: "n", count: 21)): x\r\n", false),
      ("To: a\r\n \(String(repeating: "x", count: 42))\r\n", true),
      ("To: a\r\n \(String(repeating: "x", count: 43))\r\n", false),
      ("X-: a\r\n \(String(repeating: "x", count: 42))\r\n", true),
      ("X-: a\r\n \(String(repeating: "x", count: 43))\r\n", false),
    ] {
      var peer = peer {
        $0.fieldNameLengthMax = 20
        $0.fieldLengthMax = 50
      }
      begin(&peer)
      let reply = peer.exchange("\(message)\r\n.\r\n")
      #expect(isTaken ? reply.hasPrefix("250 ") : reply == malformed, "\(message)")
    }
  }

  @Test("replies that are held back")
  func heldReplies() {
    var peer = peer { $0.heldRepliesMax = 100 }
    peer.answering = .never
    peer.send("MAIL FROM:<a@example.com>\r\nRCPT TO:<0@x>\r\nRCPT TO:<1@x>\r\n")
    let before = peer.writes.count
    peer.answer(0, .accepted(envelopes: 1))
    peer.send("RCPT TO:<2@x>\r\n")
    #expect(peer.writes.count == before)
    peer.answer(1, .accepted(envelopes: 1))
    peer.send("RCPT TO:<3@x>\r\n")
    #expect(peer.writes.count == before + 1)
  }
}
