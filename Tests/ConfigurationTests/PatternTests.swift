// SPDX-License-Identifier: ISC

import Glibc
import Testing

@testable import Configuration

@Suite struct PatternTests {
  @Test(
    "expressions match where POSIX says",
    arguments: [
      ("abc", "xabcx", true), ("abc", "ab", false), ("^a", "ba", false), ("a$", "ab", false),
      ("^a$", "a", true), ("", "x", true), ("^$", "", true), ("a|b", "xb", true), ("a|", "", true),
      ("^(a|bc)+$", "abcbca", true), ("^(a|bc)+$", "abb", false), ("a.c", "abc", true),
      ("^a*$", "", true), ("^a+$", "", false), ("^ab?c$", "ac", true), ("^a{2}$", "aa", true),
      ("^a{2}$", "aaa", false), ("^a{2,}$", "aaaa", true), ("^a{1,2}$", "aaa", false),
      ("^a{0,1}b", "b", true), ("[abc]", "xbx", true), ("^[^abc]$", "a", false),
      ("[a-c]", "b", true),
      ("[]a]", "]", true), ("[a-]", "-", true), ("[[:digit:]]+$", "x1", true), ("\\.", "a", false),
      ("\\.org$", "a.org", true), ("(?i)ExAmple", "EXAMPLE", true), ("Example", "EXAMPLE", false),
      ("(?i)^[[:upper:]]$", "a", true), ("(?i)^[A-C]$", "b", true), ("(?i)^[^A]$", "a", false),
      ("(?i)^\\W$", "a", false), ("(?i)^\\W$", "-", true), ("(?i)^\\S\\B\\S$", "AB", true),
      ("a^b", "a^b", false), ("()", "x", true),
      ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
      ("@example\\.", "a@example.org", true),
    ]
  )
  func matches(_ pattern: String, _ text: String, _ expected: Bool) throws {
    #expect(try Pattern(parsing: pattern).matches(text) == expected)
  }

  private static let common = [
    "\\w", "\\W", "\\s", "\\S", "^\\w+$", "^\\W+$", "^\\s*$", "\\bfoo\\b", "\\Bfoo", "foo\\B",
    "\\<foo", "foo\\>", "\\<foo\\>", "\\`foo", "foo\\'", "\\b", "\\B", "^\\b", "\\b$", "(\\bfoo)+",
    "\\w@\\w+\\.org$", "[[=f=]]oo", "[[=a=]b]", "^[^[=f=]]", "[[.f.]]oo", "[[.a.]-c]", "[e-[.g.]]",
    "[[.-.]]", "[[.].]]", "[[=]=]]", "[[.[.]]", "^o{,2}$", "^(fo{,2}){,2}$", "fo{,1}o",
    "o{,}$", "^f{,0}o", "[\\w]", "[\\]]", "[^]-a]", "[--/]", "[[:alpha:]-]", "\\.", "\\{", "\\_",
    "a\\|b",
    "a|b|\\s", "f)", "o)*", "(f))", ")",
  ]
  private static let refused = [
    "(", "a[", "[[.ab.]]", "[[=ab=]]", "[[..]]", "[[==]]", "[[.a]", "[[.", "[[=a-]", "[[.space.]]",
    "[[.space-]",
    "[a-[=c=]]", "[[=a=]-c]", "[a-[:alpha:]]", "[[:alpha:]-a]", "[c-a]", "[[:nonsense:]]", "a{",
    "a{,",
    "a{x}", "a{}", "a{2,1}", "{,2}", "*", "a|*b", "(*a)", "^*", "\\b*", "\\<+", "\\", "\\1",
  ]

  @Test("what glibc adds to POSIX means what it means there", arguments: common)
  func sameAsSystem(_ expression: String) throws {
    let pattern = try? Pattern(parsing: expression)
    let system = try #require(System(expression), "the system refuses \(expression)")
    for text in [
      "", "foo", "a foo b", "afoo", "foob", "fo", "ffoo", "f", "oo", "ooo", "_", "-", " ", "\t",
      "é", "]", "[", "f)", "o))", ")",
      "\\", "a", "b", "c", "g", "x@y.org", "x@-.org", "{", ".", "|", "\u{b}",
    ] {
      #expect(pattern?.matches(text) == system.matches(text), "\(expression) in \(text)")
    }
  }

  @Test("what glibc refuses is refused", arguments: refused)
  func refusedAsBySystem(_ expression: String) {
    #expect(System(expression) == nil)
    #expect(throws: Pattern.Fault.self) { try Pattern(parsing: expression) }
  }

  @Test(
    "what is not supported is told by name",
    arguments: [
      ("\\d+", Pattern.Fault.unknownEscape(UInt8(ascii: "d")), "\"\\d\" has no meaning"),
      ("(a)\\1", .backReference, "back references are not supported"),
      ("[[.space.]]", .collatingElement("space"), "\"space\" is not one character"),
      ("[[=é=]]", .collatingElement("é"), "\"é\" is not one character"),
      ("[[:word:]]", .unknownClass("word"), "no class \"word\""),
      ("a{256}", .tooLarge, "too large"), ("a{1000}", .tooLarge, "too large"),
      ("a****", .tooLarge, "too large"), ("(a", .parenthesis, "parenthesis"),
      ("a{3,2}", .repetition, "n up to m"), ("a\\b+", .nothingToRepeat(UInt8(ascii: "+")), "\"+\""),
    ]
  )
  func unsupported(_ expression: String, _ fault: Pattern.Fault, _ text: String) {
    #expect(throws: fault) { try Pattern(parsing: expression) }
    #expect("\(fault)".contains(text))
  }

  @Test(
    "an expression that grows beyond its limits is refused quickly",
    arguments: [
      "(((a{255}){255}){255}){255}", "((((){255}){255}){255}){255}",
      String(repeating: "(", count: 65) + String(repeating: ")", count: 65),
    ]
  )
  func tooLarge(_ pattern: String) {
    #expect(throws: Pattern.Fault.tooLarge) { try Pattern(parsing: pattern) }
  }

  @Test("parentheses may be as deep as the limit")
  func depth() throws {
    let pattern = String(repeating: "(", count: 64) + "a" + String(repeating: ")", count: 64)
    #expect(try Pattern(parsing: pattern).matches("a"))
  }

  /// The C library's idea of an expression. What it has of C is freed with it.
  @safe private final class System {
    private var compiled = unsafe regex_t()

    init?(_ expression: String) {
      // The structure is filled in by the call, and freed in deinit when that went well.
      guard unsafe regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
    }

    deinit { unsafe regfree(&compiled) }

    func matches(_ text: String) -> Bool {
      // The text is read during the call only.
      unsafe regexec(&compiled, text, 0, nil, 0) == 0
    }
  }
}
