// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import SMTP

@Suite("Reading replies, writing bodies")
struct ReplyReaderTests {
  private func read(_ text: String, _ reader: ReplyReader = ReplyReader()) throws -> [Reply] {
    var reader = reader
    var rest = Array(text.utf8)[...]
    var replies: [Reply] = []
    while let reply = try reader.read(&rest) { replies.append(reply) }
    return replies
  }

  @Test("replies of all forms")
  func forms() throws {
    #expect(try read("250 ok\r\n") == [Reply(250, nil, "ok")])
    #expect(try read("250\r\n250 \r\n250-\r\n250\r\n").map(\.lines) == [[""], [""], ["", ""]])
    #expect(try read("250 ok\n354 go\n").map(\.code) == [250, 354])
    #expect(try read("250 ok").isEmpty)
    #expect(
      try read("550-5.1.1 a\r\n550 5.1.1 b\r\n") == [Reply(550, .init(.permanent, 1, 1), "a", "b")]
    )
    #expect(
      try read("550-5.1.1 a\r\n550 5.1.2 b\r\n")
        == [Reply(550, .init(.permanent, 1, 1), "a", "5.1.2 b")]
    )
    #expect(try read("250 5.1.1 odd\r\n") == [Reply(250, nil, "5.1.1 odd")])
    #expect(try read("250-mx\r\n250 2.0.0 x\r\n").first?.lines == ["mx", "2.0.0 x"])
  }

  @Test("control characters and what is not UTF-8 do not get through")
  func hostileText() throws {
    #expect(try read("250 a\u{1b}[2Jb\u{0}\rc\r\n").first?.lines == ["a?[2Jb??c"])
    var reader = ReplyReader()
    var bytes = ([0x32, 0x35, 0x30, 0x20, 0xff, 0x61, 0x0a] as [UInt8])[...]
    #expect(try reader.read(&bytes)?.lines == ["?a"])
  }

  @Test(
    "what is no reply is an error",
    arguments: [
      "hello\r\n", "\r\n", "25\r\n", "199 x\r\n", "600 x\r\n", "250x\r\n", "2500 x\r\n",
      "250-a\r\n550 b\r\n", "250-a\r\nb\r\n", " 250 x\r\n", "\u{0}\r\n",
    ]
  )
  func malformed(_ text: String) {
    #expect(throws: ReplyReader.Fault.malformed) { try read(text) }
  }

  @Test("a line's length and the number of lines: at the limit and one past it")
  func limits() throws {
    let reader = ReplyReader(lineLengthMax: 10, linesMax: 3)
    #expect(try read("250 123456\r\n", reader).count == 1)
    #expect(throws: ReplyReader.Fault.lineTooLong) { try read("250 1234567\r\n", reader) }
    #expect(throws: ReplyReader.Fault.lineTooLong) { try read("250 12345678", reader) }
    #expect(try read("250-a\r\n250-b\r\n250 c\r\n", reader).count == 1)
    #expect(throws: ReplyReader.Fault.tooManyLines) {
      try read("250-a\r\n250-b\r\n250-c\r\n250 d\r\n", reader)
    }
  }

  @Test(
    "bodies on the wire, however they are cut up",
    arguments: [
      ("", ".\r\n"),
      ("a\n", "a\r\n.\r\n"),
      ("a", "a\r\n.\r\n"),
      ("\n", "\r\n.\r\n"),
      (".", "..\r\n.\r\n"),
      (".\n..\n.a\na.\n", "..\r\n...\r\n..a\r\na.\r\n.\r\n"),
      ("a\r\nb\r\n", "a\r\nb\r\n.\r\n"),
      ("a\r.\rb\n", "a\r\n..\r\nb\r\n.\r\n"),
      ("a\r\r\n", "a\r\n\r\n.\r\n"),
      ("a\r", "a\r\n.\r\n"),
      ("\r\n.\r\n", "\r\n..\r\n.\r\n"),
    ]
  )
  func encoding(_ body: String, _ wire: String) {
    for size in [1, 2, 3, 100] {
      var encoder = BodyEncoder()
      var output: [UInt8] = []
      var rest = Array(body.utf8)[...]
      while !rest.isEmpty {
        encoder.encode(Array(rest.prefix(size)), to: &output)
        rest = rest.dropFirst(size)
      }
      encoder.finish(&output)
      #expect(String(decoding: output, as: UTF8.self) == wire)
    }
  }

  @Test("xtext goes there and back, and hostile xtext does not decode")
  func xtext() {
    let text = "a+b=c d~"
    #expect(Xtext.decode(Xtext.encode(text).span) == text)
    for bad in ["a=b", "a b", "+", "+4", "+4g", "+4a", "+0A", "+7F", "+00", "\u{0}", "é", "+C3+A9"]
    {
      #expect(Xtext.decode(Array(bad.utf8).span) == nil, "\(bad)")
    }
  }
}
