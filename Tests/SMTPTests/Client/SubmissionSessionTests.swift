// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("Handing a message to the local server")
struct SubmissionSessionTests {
  private static let sender = Address(local: "a", domain: "host.example")

  private static func task(_ count: Int) -> ClientTask {
    let recipients = (0..<count).map {
      ClientRecipient(address: Address(local: "r\($0)", domain: "host.example"))
    }
    return ClientTask(sender: sender, recipients: recipients, size: 3)
  }

  /// A session that was told what the server is, up to `start`.
  private static func started(
    _ count: Int = 2,
    extensions: String = "250-x\r\n250 PIPELINING\r\n"
  ) -> (SubmissionSession, [SubmissionSession.Action]) {
    var session = SubmissionSession(name: "localhost", window: 2)
    #expect(
      session.received(Array("220 host.example ESMTP x\r\n".utf8)) == [write("EHLO localhost\r\n")]
    )
    #expect(session.received(Array(extensions.utf8)) == [.compose(serverName: "host.example")])
    let actions = session.start(task(count), message: Array(".a\n".utf8))
    return (session, actions)
  }

  private static func write(_ text: String) -> SubmissionSession.Action { .write(Array(text.utf8)) }

  @Test("a message whose recipients are all accepted is sent whole, and QUIT follows its reply")
  func accepted() {
    var (session, actions) = Self.started()
    #expect(actions == [Self.write("MAIL FROM:<a@host.example>\r\nRCPT TO:<r0@host.example>\r\n")])
    #expect(
      session.received(Array("250 2.0.0 Ok\r\n".utf8)) == [
        Self.write("RCPT TO:<r1@host.example>\r\n")
      ]
    )
    #expect(session.received(Array("250 2.1.5 Ok\r\n".utf8)) == [])
    actions = session.received(Array("250 2.1.5 Ok\r\n".utf8))
    #expect(actions == [Self.write("DATA\r\n")])
    #expect(session.received(Array("354 go\r\n".utf8)) == [Self.write("..a\r\n.\r\n")])
    #expect(
      session.received(Array("250 2.0.0 1 Message accepted\r\n".utf8)) == [Self.write("QUIT\r\n")]
    )
    guard case .close(.accepted(let reply))? = session.received(Array("221 Bye\r\n".utf8)).first
    else {
      Issue.record("not closed")
      return
    }
    #expect(reply.code == 250)
    #expect(session.closed() == [])
  }

  @Test("a server that stops right behind its answer to EHLO is not there, and the message is kept")
  func stopped() {
    var session = SubmissionSession(name: "localhost")
    _ = session.received(Array("220 host.example ESMTP x\r\n".utf8))
    let actions = session.received(Array("250 x\r\n421 4.3.2 bye\r\n".utf8))
    #expect(actions.first == .compose(serverName: "host.example"))
    guard case .close(.unavailable)? = actions.last else {
      Issue.record("it goes on")
      return
    }
    #expect(session.start(Self.task(1), message: Array("a\n".utf8)) == [])
    #expect(session.cancel() == [])
  }

  @Test("one refused recipient is a refusal of all: DATA is never said")
  func oneRefused() {
    var (session, _) = Self.started()
    _ = session.received(Array("250 Ok\r\n".utf8))
    var actions = session.received(Array("550 no\r\n250 Ok\r\n".utf8))
    #expect(actions == [Self.write("QUIT\r\n")])
    actions = session.received(Array("221 Bye\r\n".utf8))
    guard case .close(.refused(let command, let reply))? = actions.last else {
      Issue.record("not refused: \(actions)")
      return
    }
    #expect(command == "RCPT TO:<r0@host.example>" && reply.code == 550)
  }

  @Test("without PIPELINING each command waits for the reply to the one before")
  func lockStep() {
    var (session, actions) = Self.started(extensions: "250 x\r\n")
    #expect(actions == [Self.write("MAIL FROM:<a@host.example>\r\n")])
    actions = session.received(Array("250 Ok\r\n".utf8))
    #expect(actions == [Self.write("RCPT TO:<r0@host.example>\r\n")])
  }

  @Test("the message itself may be refused")
  func messageRefused() {
    var (session, _) = Self.started(1)
    _ = session.received(Array("250 Ok\r\n250 Ok\r\n354 go\r\n".utf8))
    _ = session.received(Array("554 5.3.4 too big\r\n".utf8))
    guard case .close(.refused("DATA", let reply))? = session.closed().first else {
      Issue.record("not refused")
      return
    }
    #expect(reply.code == 554)
  }

  @Test("a server that does not greet, or goes away, or talks nonsense, has nothing")
  func unavailable() {
    var session = SubmissionSession(name: "localhost")
    guard case .close(.refused("connection", _))? = session.received(Array("421 no\r\n".utf8)).last
    else {
      Issue.record("served without a greeting")
      return
    }
    for bytes in ["hello\r\n", "220 x\r\n999 y\r\n", "220 x\r\n250 y\r\n250 z\r\n"] {
      var session = SubmissionSession(name: "localhost")
      guard case .close(.unavailable)? = session.received(Array(bytes.utf8)).last else {
        Issue.record("\(bytes) is taken for SMTP")
        continue
      }
    }
    session = Self.started().0
    guard case .close(.unavailable)? = session.closed().first else {
      Issue.record("a lost connection has an outcome")
      return
    }
  }

  @Test("a message that the server does not take for its size is not begun", arguments: [2, 3])
  func tooBig(_ sizeMax: Int) {
    let (_, actions) = Self.started(extensions: "250-x\r\n250 SIZE \(sizeMax)\r\n")
    #expect((actions == [Self.write("QUIT\r\n")]) == (sizeMax < 3))
  }

  @Test("a 421 ends it at once")
  func stopping() {
    var (session, _) = Self.started()
    guard case .close(.refused(_, let reply))? = session.received(Array("421 bye\r\n".utf8)).last
    else {
      Issue.record("it goes on")
      return
    }
    #expect(reply.code == 421)
  }

  @Test("who has nothing to send takes its leave")
  func cancelled() {
    var session = SubmissionSession(name: "localhost")
    _ = session.received(Array("220 x\r\n250 y\r\n".utf8))
    #expect(session.cancel() == [Self.write("QUIT\r\n")])
    #expect(session.received(Array("221 bye\r\n".utf8)) == [.close(.cancelled)])
  }
}
