// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

@Suite("Notices")
struct NoticeTests {
  private static let original = Array(
    "Received: from client\r\nSubject: hello\r\n\r\n.\r\n..dots\r\nbody\r\n".utf8
  )

  private func notice(
    _ bounce: Bounce,
    _ change: (inout Message, inout [Envelope]) -> Void = { _, _ in }
  ) -> Notice {
    var message = Sample.message()
    message.size = NoticeTests.original.count
    var envelopes = [
      Sample.envelope(message, low: 1), Sample.envelope(message, low: 2, to: "carol"),
    ]
    for index in envelopes.indices {
      envelopes[index].kind = .bounce(bounce)
      envelopes[index].progress.lastStatus = EnhancedStatus(.permanent, 1, 1)
      envelopes[index].progress.lastError = "550 5.1.1 No such user"
    }
    change(&message, &envelopes)
    return Notice(
      bounce,
      message: message,
      envelopes: envelopes,
      serverName: "mx.example.org",
      seed: 0xabc,
      at: Sample.now
    )
  }

  private func text(_ notice: Notice, _ original: [UInt8] = original) -> String {
    let content = original.prefix(notice.originalCount)
    return String(decoding: notice.compose(original: Array(content)).bytes, as: UTF8.self)
  }

  @Test("a failure is a report of three parts")
  func failure() {
    let text = text(notice(.failed))
    let expected = """
      From: Mailer Daemon <MAILER-DAEMON@mx.example.org>
      To: <alice@example.org>
      Subject: Delivery status notification: failed
      Date: Fri, 15 Jan 2027 08:00:00 +0000 (UTC)
      Message-ID: <0a1b2c3d.abc.notice@mx.example.org>
      Auto-Submitted: auto-replied
      MIME-Version: 1.0
      Content-Type: multipart/report; report-type=delivery-status;
        boundary="=_abc/mx.example.org"
      Content-Transfer-Encoding: 7bit

      This is a delivery status notification in MIME format.

      --=_abc/mx.example.org
      Content-Type: text/plain; charset=utf-8

      Your message could not be delivered to the following recipients, and no
      further try will be made.

          bob@mail.example.net: 550 5.1.1 No such user
          carol@mail.example.net: 550 5.1.1 No such user

      This notice comes from the mail system at mx.example.org, where your message
      arrived on Fri, 15 Jan 2027 06:00:00 +0000 (UTC) and has the identifier
      0a1b2c3d. Its header section follows below.

      --=_abc/mx.example.org
      Content-Type: message/delivery-status

      Reporting-MTA: dns; mx.example.org
      Arrival-Date: Fri, 15 Jan 2027 06:00:00 +0000 (UTC)

      Final-Recipient: rfc822;bob@mail.example.net
      Action: failed
      Status: 5.1.1
      Diagnostic-Code: smtp; 550 5.1.1 No such user

      Final-Recipient: rfc822;carol@mail.example.net
      Action: failed
      Status: 5.1.1
      Diagnostic-Code: smtp; 550 5.1.1 No such user

      --=_abc/mx.example.org
      Content-Type: text/rfc822-headers

      Received: from client
      Subject: hello

      --=_abc/mx.example.org--

      """
    #expect(text == expected)
  }

  @Test("the remote server is named where one is known, for each recipient, and nowhere else")
  func peer() {
    let both = text(
      notice(.failed) { _, envelopes in
        envelopes[0].progress.lastPeer = "mx1.example.com"
        envelopes[1].progress.lastPeer = "[IPv6:2001:db8::1]"
      }
    )
    #expect(both.contains("1.1\nRemote-MTA: dns; mx1.example.com\nDiagnostic-Code: smtp; "))
    #expect(both.contains("Remote-MTA: dns; [IPv6:2001:db8::1]\n"))
    let one = text(
      notice(.failed) { _, envelopes in envelopes[1].progress.lastPeer = "mx1.example.com" }
    )
    #expect(one.split(separator: "Remote-MTA").count == 2)
  }

  @Test("RET=FULL brings the whole message back, on failure alone, when it is small enough")
  func returnedContent() {
    let full = notice(.failed) { message, _ in message.returnContent = .full }
    #expect(full.originalCount == NoticeTests.original.count)
    #expect(text(full).contains("message/rfc822\n\nReceived: from client\n"))
    #expect(text(full).contains("Subject: hello\n\n.\n..dots\nbody\n\n--=_abc"))
    let delayed = notice(.delayed(after: .seconds(1), timeToLive: .seconds(2))) { message, _ in
      message.returnContent = .full
    }
    #expect(text(delayed).contains("text/rfc822-headers"))
    for (size, isWhole) in [(1 << 20, true), (1 << 20 + 1, false)] {
      let large = notice(.failed) { message, _ in
        message.returnContent = .full
        message.size = size
      }
      #expect(large.originalCount == (isWhole ? size : 65_536))
    }
  }

  @Test("a notice of delay names the interval, the rest and the end")
  func delay() {
    let bounce = Bounce.delayed(after: .seconds(14_400), timeToLive: .seconds(4 * 86_400))
    let text = text(
      notice(bounce) { message, envelopes in
        message.created = Sample.now - .seconds(14_500)
        for index in envelopes.indices {
          envelopes[index].progress.lastStatus = nil
          envelopes[index].progress.lastError = "Network error on destination MXs"
          envelopes[index].progress.lastTry = Sample.now
        }
      }
    )
    let flowing = text.replacing("\n", with: " ")
    #expect(flowing.contains("for 4h. You need not"))
    #expect(flowing.contains("another 3d19h58m20s, until Tue, 19 Jan 2027 03:58:20"))
    #expect(flowing.contains("4d after it arrived"))
    for line in [
      "Action: delayed", "Status: 4.0.0",
      "Diagnostic-Code: x-local; Network error on destination MXs",
      "Last-Attempt-Date: Fri, 15 Jan 2027 08:00:00 +0000 (UTC)",
      "Will-Retry-Until: Tue, 19 Jan 2027 03:58:20 +0000 (UTC)",
    ] {
      #expect(text.contains("\n\(line)\n"))
    }
  }

  @Test("a success is delivered here, or relayed by a peer's reply")
  func success() {
    let text = text(
      notice(.delivered) { _, envelopes in
        envelopes[0].progress.lastError = ""
        envelopes[0].progress.lastStatus = nil
        envelopes[1].progress.lastError = "250 2.0.0 Ok: queued"
        envelopes[1].progress.lastStatus = EnhancedStatus(.success, 1, 5)
      }
    )
    #expect(text.contains("bob@mail.example.net\nAction: delivered\nStatus: 2.0.0\n\n"))
    #expect(text.contains("carol@mail.example.net\nAction: relayed\nStatus: 2.1.5\n"))
  }

  @Test("the sender's ENVID and ORCPT come back, and an alias's target does not")
  func originals() {
    let text = text(
      notice(.failed) { message, envelopes in
        message.envelopeIdentifier = "QQ+314 159"
        envelopes[0].originalRecipient = "rfc822;Bob@Example.NET"
        envelopes[0].origin = .expansion
      }
    )
    #expect(text.contains("\nOriginal-Envelope-Id: QQ+314 159\n"))
    #expect(text.contains("\nOriginal-Recipient: rfc822;Bob@Example.NET\n"))
    #expect(text.contains("\nFinal-Recipient: rfc822;bob@example.net\n"))
    #expect(!text.contains("bob@mail.example.net"))
  }

  @Test("nothing that came from outside begins a field or ends a part")
  func injection() {
    let evil = "550 x\r\nX-Evil: 1\n\n--=_abc/mx.example.org--\u{0}\u{85}\u{2028}end"
    let composed = notice(.failed) { message, envelopes in
      message.envelopeIdentifier = evil
      message.sender = Address(local: "a\r\nX-Evil: 2", domain: "b\nX-Evil: 3")
      envelopes[0].progress.lastError = evil
      envelopes[0].originalRecipient = evil + ";" + evil
      envelopes[0].destination = Address(local: evil, domain: evil)
    }
    let original = Array("A: b\rX: y\r\n--=_abc/mx.example.org--\n\u{0}C: d\n\n".utf8)
    let text = text(composed, original)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(!lines.contains { $0.hasPrefix("X-Evil") })
    #expect(text.utf8.allSatisfy { $0 != 0x0d && $0 != 0 })
    let boundary = "--=_9e3779b97f4a86d1/mx.example.org"
    #expect(lines.count { $0 == boundary } == 3)
    #expect(lines.count { $0 == boundary + "--" } == 1)
    #expect(lines.contains("?C: d"))
  }

  @Test("no line is longer than 998 bytes but those of the original")
  func longLines() {
    for piece in ["x", "é", "e\u{301}\u{302}\u{303}", "word "] {
      let long = String(repeating: piece, count: 2000)
      let composed = notice(.failed) { message, envelopes in
        message.envelopeIdentifier = long
        envelopes[0].progress.lastError = long
        envelopes[0].destination = Address(local: long, domain: long)
      }
      for line in text(composed).split(separator: "\n") { #expect(line.utf8.count <= 998) }
    }
  }

  @Test("8-bit content is declared, and addresses beyond ASCII are encoded in the status")
  func eightBit() {
    let plain = notice(.failed).compose(original: NoticeTests.original)
    #expect(plain.content == [])
    let notice = notice(.failed) { message, envelopes in
      message.content = [.eightBit, .internationalized]
      envelopes[0].destination = Address(local: "jürgen", domain: "example.net")
      envelopes[1].progress.lastError = "550 weiß nicht"
    }
    let composed = notice.compose(original: Array("Subject: grüße\n\nx\n".utf8))
    let text = String(decoding: composed.bytes, as: UTF8.self)
    #expect(composed.content == [.eightBit, .internationalized])
    #expect(text.contains("boundary=\"=_abc/mx.example.org\"\nContent-Transfer-Encoding: 8bit"))
    #expect(
      text.contains("message/global-headers\nContent-Transfer-Encoding: 8bit\n\nSubject: grüße")
    )
    #expect(text.contains("Final-Recipient: utf-8;j\\x{FC}rgen@example.net"))
    #expect(text.contains("Diagnostic-Code: smtp; 550 wei? nicht"))
    #expect(text.contains("550 weiß nicht"))
  }

  @Test("a header section that is too long is cut at the end of a line")
  func longHeader() {
    var notice = notice(.failed) { message, _ in message.size = 1000 }
    notice.limits.headers = 20
    let text = text(notice, Array("Subject: hello\nReceived: from client\n\nbody\n".utf8))
    #expect(text.contains("rfc822-headers\n\nSubject: hello\n\n--"))
  }

  @Test("an original that cannot be read leaves an empty part")
  func noOriginal() {
    #expect(text(notice(.failed), []).contains("text/rfc822-headers\n\n\n--=_abc"))
  }
}
