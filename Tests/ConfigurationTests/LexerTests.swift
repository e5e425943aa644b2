// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct LexerTests {
  /// The tokens before the end, without line ends.
  private func kinds(_ text: String, macros: [String] = []) throws -> [Token.Kind] {
    var lexer = Lexer(Array(text.utf8), file: 0)
    var macros = Macros(commandLine: macros.compactMap(MacroDefinition.init))
    var kinds: [Token.Kind] = []
    while true {
      let token = try lexer.next(&macros)
      if token.kind == .end { return kinds }
      if token.kind != .newline { kinds.append(token.kind) }
    }
  }

  @Test(
    "tokens are what the manual says",
    arguments: [
      ("listen on lo", [.word("listen"), .word("on"), .word("lo")]),
      ("a # b", [.word("a")]),
      ("a # b \\\n c\nd", [.word("a"), .word("d")]),
      ("a\\\nb", [.word("ab")]),
      ("a \\\n b", [.word("a"), .word("b")]),
      ("\"a b\"", [.string("a b")]),
      ("'a\"b'", [.string("a\"b")]),
      (#""a\"b""#, [.string("a\"b")]),
      (#""a\'b""#, [.string(#"a\'b"#)]),
      (#""a\ b\nc""#, [.string(#"a b\nc"#)]),
      ("\"a\\\tb\"", [.string("a\tb")]),
      ("\"a\\\nb\nc\"", [.string("abc")]),
      ("\"\"", [.string("")]),
      ("\"#\"", [.string("#")]),
      ("10", [.number(10)]),
      ("-5", [.number(-5)]),
      ("- 5", [.symbol(UInt8(ascii: "-")), .number(5)]),
      ("10,20", [.number(10), .symbol(UInt8(ascii: ",")), .number(20)]),
      ("10.0.0.1", [.word("10.0.0.1")]),
      ("35M", [.word("35M")]),
      ("2001:db8::1", [.word("2001:db8::1")]),
      ("::1", [.word("::1")]),
      ("_x", [.word("_x")]),
      ("file:/etc/a", [.word("file:/etc/a")]),
      ("a@b*c$d", [.word("a@b*c$d")]),
      ("a=b", [.word("a"), .symbol(UInt8(ascii: "=")), .word("b")]),
      ("a=>b", [.word("a"), .arrow, .word("b")]),
      (
        "{a,b}",
        [
          .symbol(UInt8(ascii: "{")), .word("a"), .symbol(UInt8(ascii: ",")), .word("b"),
          .symbol(UInt8(ascii: "}")),
        ]
      ),
      ("9223372036854775807", [.number(.max)]),
      ("/x", [.symbol(UInt8(ascii: "/")), .word("x")]),
    ] as [(String, [Token.Kind])]
  )
  func tokens(_ text: String, _ expected: [Token.Kind]) throws {
    #expect(try kinds(text) == expected)
  }

  @Test(
    "a macro's value is read as if it stood there",
    arguments: [
      ("$a", "b", [.word("b")]),
      ("$a.c", "b", [.word("b.c")]),
      ("$a", "10", [.number(10)]),
      ("$a", "\"x y\" z", [.string("x y"), .word("z")]),
      ("$a x", "", [.word("x")]),
      ("\"$a\"", "b", [.string("$a")]),
      ("$a", "$a", [.symbol(UInt8(ascii: "$")), .word("a")]),
      ("x$a", "b", [.word("x$a")]),
    ] as [(String, String, [Token.Kind])]
  )
  func macros(_ text: String, _ value: String, _ expected: [Token.Kind]) throws {
    #expect(try kinds(text, macros: ["a=\(value)"]) == expected)
  }

  @Test(
    "what is no token is refused",
    arguments: [
      ("\"a", Complaint.unterminatedString), ("'a\"", .unterminatedString), ("a \0", .zeroByte),
      ("\"\0\"", .zeroByte), ("a\r\n", .carriageReturn), ("9223372036854775808", .numberOutOfRange),
      ("$b", .undefinedMacro("b", nearest: nil)),
    ]
  )
  func faults(_ text: String, _ expected: Complaint) {
    #expect { try kinds(text) } throws: { ($0 as? SyntaxFault)?.complaint == expected }
  }

  @Test("bytes that are not UTF-8 are refused in quotes")
  func notText() {
    var lexer = Lexer([0x22, 0xff, 0x22], file: 0)
    var macros = Macros(commandLine: [])
    #expect { try lexer.next(&macros) } throws: { ($0 as? SyntaxFault)?.complaint == .notText }
  }

  @Test("a token may be as long as its limit, and no longer", arguments: ["", "\""])
  func limit(_ quote: String) throws {
    let longest = String(repeating: "a", count: Lexer.Limits.token)
    #expect(try kinds(quote + longest + quote).count == 1)
    #expect { try kinds(quote + longest + "a" + quote) } throws: {
      ($0 as? SyntaxFault)?.complaint == .tokenTooLong
    }
  }
}
