// SPDX-License-Identifier: ISC

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
      ("(?i)^[[:upper:]]$", "a", true), ("a^b", "a^b", false), ("()", "x", true),
      ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
      ("@example\\.", "a@example.org", true),
    ]
  )
  func matches(_ pattern: String, _ text: String, _ expected: Bool) throws {
    #expect(try Pattern(parsing: pattern).matches(text) == expected)
  }

  @Test(
    "what is no expression is refused",
    arguments: [
      "(", ")", "a)", "[a", "[", "*", "a|*", "+", "a{", "a{2", "a{3,2}", "a{256}", "a{}", "\\",
      "\\w",
      "[b-a]", "[[:nonsense:]]", "[[:alpha]", "[[.a.]]", "a****", "{1}",
    ]
  )
  func refused(_ pattern: String) {
    #expect(throws: Pattern.Fault.self) { try Pattern(parsing: pattern) }
  }

  @Test(
    "an expression that grows beyond its limits is refused quickly",
    arguments: [
      "(((a{255}){255}){255}){255}", "((((){255}){255}){255}){255}",
      String(repeating: "(", count: 65) + String(repeating: ")", count: 65),
    ]
  )
  func tooLarge(_ pattern: String) {
    #expect(throws: Pattern.Fault.self) { try Pattern(parsing: pattern) }
  }

  @Test("parentheses may be as deep as the limit")
  func depth() throws {
    let pattern = String(repeating: "(", count: 64) + "a" + String(repeating: ")", count: 64)
    #expect(try Pattern(parsing: pattern).matches("a"))
  }
}
