// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("The client machine")
struct ClientSessionTests {
  @Test("without PIPELINING every command waits for its reply")
  func stepByStep() {
    var peer = ClientPeer()
    peer.receive("220-hello\r\n220 there\r\n")
    #expect(peer.takeWrites() == ["EHLO me.example\r\n"])
    peer.receive("250 mx\r\n")
    #expect(peer.session.isReady)
    peer.start(ClientPeer.task("x", "y"))
    #expect(peer.takeWrites() == ["MAIL FROM:<a@b>\r\n"])
    peer.receive("250 ok\r\n")
    #expect(peer.takeWrites() == ["RCPT TO:<x@d>\r\n"])
    peer.receive("550 5.1.1 no x\r\n")
    #expect(peer.takeWrites() == ["RCPT TO:<y@d>\r\n"])
    peer.receive("250 ok\r\n")
    #expect(peer.takeWrites() == ["DATA\r\n"])
    peer.receive("354 go\r\n")
    #expect(peer.events == [.sendBody])
    peer.send(body: "A: b\n\n.x\n")
    #expect(peer.takeWrites() == ["A: b\r\n\r\n..x\r\n.\r\n"])
    peer.receive("250 2.0.0 queued\r\n")
    #expect(peer.outcomes[0] == .permanent(.init(.permanent, 1, 1), "550 5.1.1 no x"))
    #expect(peer.outcomes[1] == .delivered(Reply(250, .init(.success, 0, 0), "queued")))
    #expect(peer.events == [.sendBody, .taskEnded, .ready])
  }

  @Test("with PIPELINING the whole envelope is one write, and so are the body's end and the dot")
  func pipelined() {
    var peer = ClientPeer.ready()
    _ = peer.takeWrites()
    for _ in 0..<3 {
      peer.start(ClientPeer.task("x", "y"))
      #expect(
        peer.takeWrites() == ["MAIL FROM:<a@b>\r\nRCPT TO:<x@d>\r\nRCPT TO:<y@d>\r\nDATA\r\n"]
      )
      peer.receive("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
      peer.perform(peer.session.bodyChunk(Array("one\n".utf8)))
      #expect(peer.takeWrites().isEmpty)
      peer.perform(peer.session.bodyChunk(Array("two".utf8)))
      #expect(peer.takeWrites() == ["one\r\n"])
      peer.perform(peer.session.bodyEnded())
      #expect(peer.takeWrites() == ["two\r\n.\r\n"])
      peer.receive("250 queued\r\n")
      #expect(peer.outcomes.values.map(\.kind) == ["delivered", "delivered"])
      #expect(peer.session.isReady)
    }
  }

  @Test("replies cut up byte by byte mean the same")
  func byteByByte() {
    var peer = ClientPeer()
    for byte in "220 hi\r\n".utf8 { peer.perform(peer.session.received([byte])) }
    for byte in "250-mx\r\n250-SIZE 100\r\n250 DSN\r\n".utf8 {
      peer.perform(peer.session.received([byte]))
    }
    #expect(peer.session.isReady)
    #expect(peer.session.extensions.sizeMax == 100)
    #expect(peer.session.extensions.keywords == .deliveryNotification)
  }

  @Test("EHLO that is refused is followed by HELO; LHLO is not")
  func fallback() {
    var peer = ClientPeer()
    peer.receive("220 hi\r\n")
    peer.receive("502 what\r\n")
    #expect(peer.takeWrites() == ["EHLO me.example\r\n", "HELO me.example\r\n"])
    peer.receive("250 hello\r\n")
    #expect(peer.session.isReady)
    peer = ClientPeer(.lmtp)
    peer.receive("220 hi\r\n")
    peer.receive("502 what\r\n")
    #expect(peer.takeWrites() == ["LHLO me.example\r\n"])
    #expect(peer.closeReason == .refused(Reply(502, nil, "what")))
  }

  @Test("a host that does not serve us is a reason to close", arguments: ["554 no", "421 busy"])
  func refusedGreeting(_ greeting: String) {
    var peer = ClientPeer()
    peer.receive("\(greeting)\r\n")
    #expect(peer.takeWrites().isEmpty)
    guard case .refused = peer.closeReason else {
      Issue.record("not refused")
      return
    }
  }

  @Test("what was asked about notices goes along where DSN is offered, encoded")
  func notification() {
    var task = ClientPeer.task("x")
    task.returnContent = .headers
    task.envelopeIdentifier = "a+b c"
    task.content = .eightBit
    task.recipients[0].notify = [.success, .delay]
    task.recipients[0].originalRecipient = "rfc822;x=y@d\r\nQUIT"
    var peer = ClientPeer.ready(["PIPELINING", "DSN", "8BITMIME"])
    _ = peer.takeWrites()
    peer.start(task)
    #expect(
      peer.takeWrites() == [
        "MAIL FROM:<a@b> BODY=8BITMIME RET=HDRS ENVID=a+2Bb+20c\r\n"
          + "RCPT TO:<x@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+3Dy@d+0D+0AQUIT\r\nDATA\r\n"
      ]
    )
    peer = ClientPeer.ready(["PIPELINING"])
    _ = peer.takeWrites()
    peer.start(task)
    #expect(peer.takeWrites() == ["MAIL FROM:<a@b>\r\nRCPT TO:<x@d>\r\nDATA\r\n"])
  }

  @Test("a SIZE that is too small fails the task at once; at the limit it goes")
  func size() {
    var peer = ClientPeer.ready(["SIZE 100"])
    _ = peer.takeWrites()
    peer.start(ClientPeer.task("x", size: 101))
    #expect(peer.takeWrites().isEmpty)
    #expect(peer.outcomes[0]?.kind == "permanent")
    #expect(peer.events == [.taskEnded, .ready])
    peer.start(ClientPeer.task("x", size: 100))
    #expect(peer.takeWrites() == ["MAIL FROM:<a@b>\r\n"])
    peer = ClientPeer.ready(["SIZE 0"])
    peer.start(ClientPeer.task("x", size: 101))
    #expect(peer.outcomes.isEmpty)
  }

  @Test(
    "a refused MAIL, DATA or dot is everybody's",
    arguments: [
      ("450 later\r\n503 x\r\n503 x\r\n503 x\r\n", "temporary", false),
      ("550 no\r\n250 x\r\n250 x\r\n503 x\r\n", "permanent", false),
      ("250 x\r\n250 x\r\n250 x\r\n451 later\r\n", "temporary", true),
      ("250 x\r\n250 x\r\n250 x\r\n554 no\r\n", "permanent", true),
      ("250 x\r\n250 x\r\n250 x\r\n250 what\r\n", "temporary", true),
      ("250 x\r\n550 no\r\n550 no\r\n503 none\r\n", "permanent", true),
    ]
  )
  func failures(_ replies: String, _ kind: String, _ needsReset: Bool) {
    var peer = ClientPeer.ready()
    peer.start(ClientPeer.task("x", "y"))
    _ = peer.takeWrites()
    peer.receive(replies)
    #expect(peer.outcomes.values.map(\.kind) == [kind, kind])
    #expect(peer.hasTaskEnded)
    #expect(peer.takeWrites() == (needsReset ? ["RSET\r\n"] : []))
    if needsReset { peer.receive("250 reset\r\n") }
    #expect(peer.session.isReady)
  }

  @Test("a server that asks for a message nobody gets is given none")
  func emptyMessage() {
    var peer = ClientPeer.ready()
    peer.start(ClientPeer.task("x"))
    _ = peer.takeWrites()
    peer.receive("250 ok\r\n550 no\r\n354 go\r\n")
    #expect(peer.takeWrites() == [".\r\n"])
    #expect(!peer.events.contains(.sendBody))
    peer.receive("554 no recipients\r\n")
    #expect(peer.outcomes[0]?.kind == "permanent")
    #expect(peer.takeWrites() == ["RSET\r\n"])
    peer.receive("250 ok\r\n")
    #expect(peer.session.isReady)
  }

  @Test("LMTP answers for each accepted recipient")
  func lmtp() {
    var peer = ClientPeer.ready(["PIPELINING"], .lmtp)
    peer.start(ClientPeer.task("x", "y", "z"))
    peer.receive("250 ok\r\n250 ok\r\n550 no y\r\n250 ok\r\n354 go\r\n")
    peer.send(body: "A: b\n")
    peer.receive("250 x ok\r\n")
    #expect(!peer.hasTaskEnded)
    peer.receive("452 z full\r\n")
    #expect(peer.outcomes[0]?.kind == "delivered")
    #expect(peer.outcomes[1] == .permanent(nil, "550 no y"))
    #expect(peer.outcomes[2] == .temporary(nil, "452 z full"))
    #expect(peer.session.isReady)
  }

  private static let steps = [
    "250 ok\r\n", "250 ok\r\n", "550 no\r\n", "354 go\r\n", "",
  ]

  @Test("a connection that ends anywhere defers who has no outcome", arguments: 0...5)
  func lost(_ count: Int) {
    for end in ["closed", "timeout", "421", "nonsense"] {
      var peer = ClientPeer.ready()
      peer.start(ClientPeer.task("x", "y"))
      for step in ClientSessionTests.steps.prefix(count) { peer.receive(step) }
      if count == 5 { peer.send(body: "A: b\n") }
      switch end {
      case "closed": peer.perform(peer.session.closed())
      case "timeout": peer.perform(peer.session.timedOut())
      case "421": peer.receive("421 4.3.2 bye\r\n")
      default: peer.receive("nonsense\r\n")
      }
      #expect(peer.outcomes[0]?.kind == "temporary")
      #expect(peer.outcomes[1]?.kind == (count >= 3 ? "permanent" : "temporary"))
      #expect(peer.hasTaskEnded)
      #expect(peer.closeReason != nil)
      #expect(!peer.writes.contains { $0.hasSuffix("\r\n.\r\n") } || count == 5)
    }
  }

  @Test("a body that breaks off ends the connection without the dot")
  func aborted() {
    var peer = ClientPeer.ready()
    peer.start(ClientPeer.task("x"))
    peer.receive("250 ok\r\n250 ok\r\n354 go\r\n")
    peer.perform(peer.session.bodyChunk(Array("A: b\n".utf8)))
    peer.perform(peer.session.bodyChunk(Array("\nhalf".utf8)))
    _ = peer.takeWrites()
    peer.perform(peer.session.bodyAborted("queue is gone"))
    #expect(peer.takeWrites().isEmpty)
    #expect(peer.closeReason == .bodyAborted)
    #expect(peer.outcomes[0] == .temporary(.init(.temporary, 3, 0), "queue is gone"))
    #expect(peer.session.bodyEnded().isEmpty)
  }

  @Test("a refusal that comes while the body is sent counts, and ends the connection")
  func earlyRefusal() {
    var peer = ClientPeer.ready()
    peer.start(ClientPeer.task("x"))
    peer.receive("250 ok\r\n250 ok\r\n354 go\r\n")
    peer.perform(peer.session.bodyChunk(Array("A: b\n".utf8)))
    peer.receive("552 too much\r\n")
    #expect(peer.outcomes[0] == .permanent(nil, "552 too much"))
    #expect(peer.closeReason == .refused(Reply(552, nil, "too much")))
  }

  @Test("a host that refuses ten before it accepts one is said to refuse all")
  func rejectsAll() {
    for extensions in [[], ["PIPELINING"]] {
      var limits = ClientSession.Limits()
      limits.refusalsBeforeAcceptanceMax = 3
      var peer = ClientPeer.ready(extensions, limits: limits)
      peer.start(ClientPeer.task("x", "y"))
      peer.receive("250 ok\r\n")
      peer.receive("550 no\r\n")
      peer.receive("550 no\r\n")
      if !extensions.isEmpty { peer.receive("503 no\r\n") }
      peer.receive("250 reset\r\n")
      #expect(peer.session.isReady)
      peer.start(ClientPeer.task("x", "y"))
      peer.receive("250 ok\r\n")
      peer.receive("550 no\r\n")
      if !extensions.isEmpty { peer.receive("450 later\r\n503 no\r\n") }
      #expect(peer.events.first == .rejectsAllMail)
      #expect(peer.outcomes[0]?.kind == "permanent")
      #expect(peer.outcomes[1]?.kind == "temporary")
      #expect(peer.writes.last == "QUIT\r\n")
    }
  }

  @Test("too many failures end the session behind the task")
  func failuresMax() {
    var limits = ClientSession.Limits()
    limits.failuresMax = 2
    var peer = ClientPeer.ready(["PIPELINING"], limits: limits)
    for round in 0..<3 {
      peer.start(ClientPeer.task("x", "y"))
      peer.receive("250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n")
      peer.send(body: "A: b\n")
      peer.receive("250 ok\r\n")
      #expect(peer.session.isReady == (round < 2))
    }
    #expect(peer.writes.last == "QUIT\r\n")
    peer.receive("221 bye\r\n")
    #expect(peer.closeReason == .quit)
  }

  @Test("QUIT waits for the task, and then for its reply or its time")
  func quit() {
    var peer = ClientPeer.ready()
    peer.start(ClientPeer.task("x"))
    peer.perform(peer.session.quit())
    peer.receive("250 ok\r\n250 ok\r\n354 go\r\n")
    peer.send(body: "A: b\n")
    peer.receive("250 ok\r\n")
    #expect(peer.writes.last == "QUIT\r\n")
    #expect(!peer.events.contains(.ready))
    #expect(peer.session.timeLimit == .seconds(10))
    peer.perform(peer.session.timedOut())
    #expect(peer.closeReason == .quit)
  }

  @Test("many recipients are asked about in portions")
  func manyRecipients() {
    var limits = ClientSession.Limits()
    limits.recipientsInFlightMax = 4
    var peer = ClientPeer.ready(["PIPELINING"], limits: limits)
    _ = peer.takeWrites()
    var task = ClientPeer.task("r0")
    for index in 1..<10 {
      task.recipients.append(ClientRecipient(address: Address(local: "r\(index)", domain: "d")))
    }
    peer.start(task)
    var answered = 0
    var commands = peer.takeWrites().joined().split(separator: "\r\n").count
    while answered < commands, answered < 11 {
      #expect(commands - answered <= 5)
      peer.receive("250 ok\r\n")
      answered += 1
      commands += peer.takeWrites().joined().split(separator: "\r\n").count
    }
    #expect(commands == 12)
    peer.receive("354 go\r\n")
    #expect(peer.events == [.sendBody])
  }

  @Test("addresses that would be more than an address are never sent")
  func unsafeAddresses() {
    var task = ClientPeer.task("x", "y\r\nQUIT", "z w")
    task.recipients.append(ClientRecipient(address: Address(local: "a", domain: "d>\r\nX")))
    var peer = ClientPeer.ready()
    _ = peer.takeWrites()
    peer.start(task)
    #expect(
      peer.takeWrites()
        == ["MAIL FROM:<a@b>\r\nRCPT TO:<x@d>\r\nRCPT TO:<\"z w\"@d>\r\nDATA\r\n"]
    )
    #expect(peer.outcomes.keys.sorted() == [1, 3])
    peer.receive("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    peer.send(body: "")
    peer.receive("250 ok\r\n")
    #expect(peer.outcomes.count == 4)
    peer.start(ClientTask(sender: Address(local: "\n", domain: "b"), recipients: [], size: 1, "x"))
    #expect(peer.outcomes[0]?.kind == "permanent")
  }

  @Test("an idle session that is told something unasked ends")
  func unasked() {
    for text in ["250 hello\r\n", "421 idle\r\n", "garbage\r\n"] {
      var peer = ClientPeer.ready()
      peer.receive(text)
      #expect(peer.closeReason != nil)
      #expect(!peer.hasTaskEnded)
    }
  }
}

extension ClientTask {
  fileprivate init(sender: Address?, recipients: [ClientRecipient], size: Int, _ local: String) {
    self.init(
      sender: sender,
      recipients: recipients + [ClientRecipient(address: Address(local: local, domain: "d"))],
      size: size
    )
  }
}
