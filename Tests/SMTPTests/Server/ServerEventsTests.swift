// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("The server machine: batches, answers, ends")
struct ServerEventsTests {
  private let greeting = "220 mx.example.org ESMTP OpenSMTPD\r\n"

  @Test("the replies to a batch are one write")
  func oneWrite() {
    for answering in [ServerPeer.Answering.atOnce, .lateAndBackwards] {
      var peer = ServerPeer(answering: answering)
      peer.send("HELO c.example\r\n")
      let before = peer.writes.count
      peer.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<nobody@d>\r\nDATA\r\n")
      #expect(peer.writes.count == before + 1)
      #expect(peer.writes.last?.split(separator: "\r\n").count == 4)
      peer.send("A: b\r\n\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
      #expect(peer.writes.count == before + 2)
      #expect(peer.writes.last?.split(separator: "\r\n").count == 4)
    }
  }

  @Test(
    "a reverse name that is none is not known",
    arguments: ["a b", "x\r\nX-Forged: yes", "", "a)b", "<unknown>"]
  )
  func hostileName(_ name: String) {
    let client = ServerSession.Client(session: SessionID(1), source: .local, hostname: name)
    #expect(client.hostname == "<unknown>")
  }

  @Test("what the client sends before the greeting waits for it")
  func early() {
    var session = ServerSession(
      configuration: .init(serverName: "mx.example.org"),
      client: .init(session: SessionID(1), source: .local, hostname: "localhost")
    )
    #expect(session.received(Array("NOOP\r\n".utf8), at: .epoch).isEmpty)
    #expect(!session.wantsInput)
    let output = "\(greeting)250 2.0.0 Ok\r\n"
    #expect(session.connected(at: .epoch) == [.write(Array(output.utf8))])
  }

  @Test(
    "too many connections",
    arguments: [
      (ServerSession.Crowd.ofAll, ""), (.ofClient, " from your address"),
      (.ofMachine, " from this machine"),
    ]
  )
  func tooMany(crowd: ServerSession.Crowd, of: String) {
    var session = ServerSession(
      configuration: .init(serverName: "mx.example.org"),
      client: .init(session: SessionID(1), source: .local, hostname: "localhost")
    )
    let reply = "421 4.3.2 Too many connections\(of), try again later\r\n"
    #expect(session.tooManyConnections(crowd) == [.write(Array(reply.utf8)), .close(.refused)])
    #expect(session.hasEnded)
    #expect(session.received([0x41], at: .epoch).isEmpty)
    #expect(session.closed().isEmpty)
  }

  @Test(
    "too many connections where encryption comes first",
    arguments: [ServerSession.Crowd.ofAll, .ofClient, .ofMachine]
  )
  func tooManyUnencrypted(crowd: ServerSession.Crowd) {
    var configuration = ServerSession.Configuration(serverName: "mx.example.org")
    configuration.encryption = .immediate
    var session = ServerSession(
      configuration: configuration,
      client: .init(session: SessionID(1), source: .local, hostname: "localhost")
    )
    #expect(session.tooManyConnections(crowd) == [.close(.refused)])
    #expect(session.hasEnded)
  }

  @Test("a transaction that cannot be begun is refused, and the session goes on")
  func refusedTransaction() {
    var peer = ServerPeer()
    peer.transactionRefusal = Reply(452, EnhancedStatus(.temporary, 3, 1), "No room")
    peer.send("HELO c.example\r\n")
    #expect(peer.exchange("MAIL FROM:<a@b>\r\n") == "452 4.3.1 No room\r\n")
    #expect(peer.exchange("RCPT TO:<a@b>\r\n").hasPrefix("503 "))
    #expect(peer.aborts == 0)
    #expect(
      peer.logs.first
        == .failedCommand(command: "MAIL FROM:<a@b>", result: "452 4.3.1 No room")
    )
  }

  private func receiving() -> ServerPeer {
    var peer = ServerPeer()
    peer.send("EHLO c.example\r\nMAIL FROM:<a@b> BODY=8BITMIME ENVID=x RET=FULL\r\n")
    peer.send("RCPT TO:<alias@d> NOTIFY=NEVER\r\nRCPT TO:<c@d>\r\n")
    peer.send("DATA\r\n")
    return peer
  }

  @Test("an accepted message has all that was said about it")
  func stored() throws {
    var peer = receiving()
    peer.send("A: b\r\n\r\nbody\r\n.\r\n")
    let stored = try #require(peer.stored.first)
    #expect(stored.message.sender == Address(local: "a", domain: "b"))
    #expect(stored.message.content == .eightBit)
    #expect(stored.message.envelopeIdentifier == "x")
    #expect(stored.message.returnContent == .full)
    #expect(stored.message.size == stored.body.utf8.count)
    #expect(stored.message.created == peer.now)
    #expect(stored.message.session.helo == "c.example")
    #expect(stored.message.session.hostname == "client.example.com")
    #expect(stored.recipients.map(\.notify) == [.never, []])
    #expect(
      peer.logs == [
        .message(
          stored.message.id,
          size: stored.message.size,
          recipients: 2,
          protocol: "ESMTP"
        )
      ]
    )
  }

  @Test("parameters of one recipient do not reach the next, nor those of one message the next")
  func noLeaks() {
    var peer = receiving()
    peer.send("A: b\r\n\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
    #expect(peer.asked.map(\.notify) == [.never, [], []])
    #expect(peer.asked.map(\.index) == [0, 1, 0])
    #expect(peer.mails.last?.envelopeIdentifier == nil)
    #expect(peer.mails.last?.content == [])
  }

  @Test("a message that fails to be stored is refused; 421 ends the session")
  func notStored() {
    var peer = receiving()
    peer.messageAnswer = .refused(Reply(451, EnhancedStatus(.temporary, 3, 0), "Later"))
    #expect(peer.exchange("A: b\r\n\r\n.\r\n") == "451 4.3.0 Later\r\n")
    #expect(peer.closeReason == nil)
    peer = receiving()
    peer.messageAnswer = .refused(ServerReply.temporaryError)
    #expect(peer.exchange("A: b\r\n\r\n.\r\nNOOP\r\n") == "421 4.3.0 Temporary Error\r\n")
    #expect(peer.closeReason == .failure)
  }

  @Test("a transaction that fails on the way is refused at the end of the data")
  func failedOnTheWay() {
    var peer = receiving()
    peer.session.transactionFailed(Reply(452, EnhancedStatus(.temporary, 3, 1), "Full"))
    #expect(peer.exchange("A: b\r\n").isEmpty)
    #expect(peer.aborts == 1)
    #expect(peer.exchange("\r\n.\r\n") == "452 4.3.1 Full\r\n")
    #expect(peer.aborts == 1)
    #expect(peer.exchange("MAIL FROM:<a@b>\r\n") == "250 2.0.0 Ok\r\n")
  }

  @Test("a transaction that fails before DATA takes no more recipients, and no message")
  func failedEarly() {
    var peer = ServerPeer()
    peer.send("EHLO c.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
    peer.session.transactionFailed(Reply(452, EnhancedStatus(.temporary, 3, 1), "Full"))
    let asked = peer.asked.count
    #expect(peer.exchange("RCPT TO:<e@f>\r\n") == "452 4.3.1 Full\r\n")
    #expect(peer.asked.count == asked)
    #expect(peer.exchange("DATA\r\n").hasPrefix("354"))
    #expect(peer.exchange("A: b\r\n\r\n.\r\n") == "452 4.3.1 Full\r\n")
    #expect(peer.aborts == 1 && peer.stored.isEmpty)
    #expect(peer.exchange("MAIL FROM:<a@b>\r\n") == "250 2.0.0 Ok\r\n")
    #expect(peer.exchange("RCPT TO:<e@f>\r\n").hasPrefix("250"))
  }

  @Test("a client that goes leaves nothing behind, wherever it goes")
  func vanishes() {
    let script = [
      "EHLO c.example\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n", "A: b\r\n",
    ]
    for count in 0...script.count {
      var peer = ServerPeer()
      for line in script[..<count] { peer.send(line) }
      peer.perform(peer.session.closed())
      #expect(peer.closeReason == .disconnect)
      #expect(peer.aborts == (count >= 2 ? 1 : 0))
      #expect(peer.stored.isEmpty)
    }
  }

  @Test("a client that goes behind its final dot does not take the message back")
  func vanishesAfterSubmit() {
    var session = submitted()
    #expect(session.closed() == [.close(.disconnect)])
    #expect(session.messageAnswered(.stored, at: .epoch).isEmpty)
  }

  @Test("answers that come too late are not looked at")
  func lateAnswers() {
    var peer = ServerPeer(answering: .never)
    peer.send("HELO c.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
    peer.perform(peer.session.closed())
    peer.answer(0, .accepted(envelopes: 1))
    #expect(peer.aborts == 1)
  }

  @Test("silence ends the session, but not while the answer is ours")
  func silence() {
    var peer = ServerPeer()
    peer.send("HELO c.example\r\nMAIL FROM:<a@b>\r\n")
    peer.perform(peer.session.timedOut())
    #expect(peer.writes.last == "421 4.4.2 Timeout, closing connection\r\n")
    #expect(peer.closeReason == .timeout)
    #expect(peer.aborts == 1)
    var session = submitted()
    #expect(session.timedOut().isEmpty)
    #expect(!session.hasEnded)
  }

  @Test("a server that stops says so, but not before a submitted message is answered")
  func stopping() {
    var peer = ServerPeer()
    peer.perform(peer.session.serverStopping())
    #expect(peer.writes.last == "421 4.3.2 Service shutting down\r\n")
    #expect(peer.closeReason == .shutdown)
    var session = submitted()
    #expect(session.serverStopping().isEmpty)
    let replies =
      "250 2.0.0 00000001 Message accepted for delivery\r\n421 4.3.2 Service shutting down\r\n"
    let actions = session.messageAnswered(.stored, at: .epoch)
    #expect(actions.contains(.write(Array(replies.utf8))))
    #expect(actions.last == .close(.shutdown))
  }

  private func submitted() -> ServerSession {
    var session = ServerSession(
      configuration: .init(serverName: "mx.example.org"),
      client: .init(session: SessionID(1), source: .local, hostname: "localhost")
    )
    _ = session.connected(at: .epoch)
    _ = session.received(Array("HELO c.example\r\nMAIL FROM:<a@b>\r\n".utf8), at: .epoch)
    guard let id = MessageID(1) else { return session }
    _ = session.transactionAnswered(.opened(id), at: .epoch)
    _ = session.received(Array("RCPT TO:<c@d>\r\n".utf8), at: .epoch)
    _ = session.recipientAnswered(0, .accepted(envelopes: 1), at: .epoch)
    _ = session.received(Array("DATA\r\n".utf8), at: .epoch)
    _ = session.received(Array("A: b\r\n\r\n.\r\n".utf8), at: .epoch)
    return session
  }
}
