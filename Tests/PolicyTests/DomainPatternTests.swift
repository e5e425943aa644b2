// SPDX-License-Identifier: ISC

import Testing

@testable import Policy

@Suite struct DomainPatternTests {
  @Test(
    "a star skips to the first occurrence of what follows it",
    arguments: [
      ("example.org", "example.org", true), ("EXAMPLE.org", "example.ORG", true),
      ("example.org", "example.com", false), ("a.example.org", "*.example.org", true),
      ("a.b.example.org", "*.example.org", false), ("example.org", "*.example.org", false),
      ("anything", "*", true), ("", "*", false), ("", "", true), ("a", "", false),
      ("foo", "foo*", false), ("foobar", "foo*", true), ("aXb", "a**b", true),
      (".org", "*.org", true), ("mail.example.org", "mail.*", true),
    ]
  )
  func matches(_ name: String, _ pattern: String, _ expected: Bool) {
    #expect(DomainPattern.matches(name.utf8, pattern: pattern.utf8) == expected)
  }
}
