// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

/// Case counts in no regular expression of a table, whatever it is compared with.
@Suite struct PatternCaseTests {
  private static let expression = "^[A-M]x@?spam\\.Example$"

  private static let criteria:
    [(criterion: String, subject: @Sendable (String) throws -> RuleSubject)] = [
      ("from any mail-from regex # for any", { try Rules.subject(from: $0, to: "a@b") }),
      ("from any rcpt-to regex # for any", { try Rules.subject(to: $0) }),
      ("from any for domain regex #", { try Rules.subject(to: "a@\($0)") }),
      ("from any helo regex # for any", { try Rules.subject(to: "a@b", helo: $0) }),
      ("from rdns regex # for any", { try Rules.subject(to: "a@b", hostName: $0) }),
      ("from any auth regex # for any", { try Rules.subject(to: "a@b", user: $0) }),
      ("from any tag regex # for any", { try Rules.subject(to: "a@b", tag: $0) }),
    ]

  @Test(
    "a text is found in either case, in the configuration and in a file",
    arguments: [0, 1, 2, 3, 4, 5, 6]
  )
  func everywhere(_ index: Int) throws {
    let (criterion, subject) = Self.criteria[index]
    let isAddress = criterion.contains("mail-from") || criterion.contains("rcpt-to")
    for word in ["table", "\"\(Self.expression)\""] {
      let reference = word == "table" ? "<t>" : word
      let rule =
        "match "
        + criterion.split(separator: "#", omittingEmptySubsequences: false)
        .joined(separator: reference) + " reject"
      let projection = try Rules.projection("table t file:/t\n\(rule)")
      let table = TableIndex(try #require(projection.tables.firstIndex { $0.name == "t" }))
      let text = Array("# @list\n\(Self.expression)\n".utf8)
      let contents = try TableContents(parsing: text)
      let ruleset = Ruleset(projection, files: [table: .contents(contents)])
      let at = isAddress ? "@" : ""
      for given in ["bx\(at)spam.example", "BX\(at)SPAM.EXAMPLE", "Bx\(at)spam.EXAMPLE"] {
        #expect(ruleset.decide(try subject(given)) == .reject(line: 2), "\(rule): \(given)")
      }
      #expect(ruleset.decide(try subject("NX\(at)SPAM.EXAMPLE")) == .noRule, "\(rule)")
    }
  }
}
