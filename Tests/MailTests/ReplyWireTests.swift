// SPDX-License-Identifier: ISC

import Testing

@testable import Mail

@Suite("Replies on the wire")
struct ReplyWireTests {
  private func wire(_ reply: Reply) -> String { String(decoding: reply.wireBytes, as: UTF8.self) }

  @Test("one line, many lines, with and without a status")
  func forms() {
    #expect(wire(Reply(354, nil, "go")) == "354 go\r\n")
    let status = EnhancedStatus(.permanent, 1, 100)
    #expect(wire(Reply(550, status, "no")) == "550 5.1.100 no\r\n")
    #expect(wire(Reply(550, status, "a", "b")) == "550-5.1.100 a\r\n550 5.1.100 b\r\n")
    #expect(Reply(550, status, "a", "b").description == "550 5.1.100 a b")
  }

  @Test("no text makes a line of its own")
  func injection() {
    #expect(wire(Reply(250, nil, "a\r\n250 b\u{0}\u{7f}")) == "250 a  250 b  \r\n")
  }

  @Test("a described status begins with its meaning")
  func described() {
    let reply = Reply(503, describing: EnhancedStatus(.permanent, 5, 1), "no")
    #expect(wire(reply) == "503 5.5.1 Invalid command: no\r\n")
  }

  @Test(
    "a status at the start of a text is found",
    arguments: [
      ("2.1.5 ok", "2.1.5"), ("5.7.999", "5.7.999"), ("4.0.0", "4.0.0"), ("3.0.0 x", nil),
      ("5.1.1x", nil), ("5.1", nil), ("5..1", nil), ("", nil), ("5.1.1000", nil), ("55.1.1", nil),
    ] as [(String, String?)]
  )
  func status(_ text: String, _ expected: String?) {
    let bytes = Array(text.utf8)
    var length = 0
    let status = EnhancedStatus(startOf: bytes.span, length: &length)
    #expect(status?.description == expected)
    #expect(length == expected?.utf8.count ?? 0)
  }

  @Test(
    "dates are those of the calendar",
    arguments: [
      (0, "Thu, 1 Jan 1970 00:00:00 +0000 (UTC)"),
      (1_577_836_800, "Wed, 1 Jan 2020 00:00:00 +0000 (UTC)"),
      (951_827_696, "Tue, 29 Feb 2000 12:34:56 +0000 (UTC)"),
      (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000 (UTC)"),
      (-1, "Wed, 31 Dec 1969 23:59:59 +0000 (UTC)"),
    ]
  )
  func date(_ seconds: Int64, _ text: String) {
    #expect(Instant(seconds: seconds).mailDate == text)
  }
}
