// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite struct TableUpdateTests {
  private let rules = """
    table d file:/d
    table a file:/map
    action out relay
    action in maildir alias <a>
    match from any for domain <d> action out
    match from any for domain "fixed.example" action in
    match from any mail-from <d> for any action out
    """

  private func place(_ name: String) throws -> TableIndex {
    TableIndex(try #require(try Rules.projection(rules).tables.firstIndex { $0.name == name }))
  }

  private func decision(_ ruleset: Ruleset, _ recipient: String) throws -> Decision {
    ruleset.decide(try Rules.subject(to: recipient))
  }

  @Test("what a table says is replaced as a whole")
  func replace() throws {
    var ruleset = Ruleset(try Rules.projection(rules))
    #expect(try decision(ruleset, "x@one.example") == .lookupFailed(table: "d"))
    let refused = ruleset.replace(
      try place("d"),
      with: .contents(.list(["*.pat.example", "one.example"]))
    )
    #expect(refused == [])
    for recipient in ["x@ONE.example", "x@a.pat.example"] {
      guard case .action(let action, let line) = try decision(ruleset, recipient) else {
        Issue.record("\(recipient)")
        continue
      }
      #expect(action.name == "out" && line == 5)
    }
    #expect(try decision(ruleset, "x@two.example") == .noRule)
    _ = ruleset.replace(try place("d"), with: .contents(.list(["two.example"])))
    #expect(try decision(ruleset, "x@one.example") == .noRule)
    #expect(try decision(ruleset, "x@a.pat.example") == .noRule)
    guard case .action = try decision(ruleset, "x@two.example") else {
      Issue.record("what is new is not found")
      return
    }
    _ = ruleset.replace(try place("d"), with: .unavailable)
    #expect(try decision(ruleset, "x@two.example") == .lookupFailed(table: "d"))
  }

  @Test("the commands that a table names are known, and those it does not name are not")
  func leaves() throws {
    var ruleset = Ruleset(try Rules.projection(rules))
    let table = try place("a")
    #expect(ruleset.leaves(of: table) == nil)
    _ = ruleset.replace(
      table,
      with: .contents(
        .map([
          .init(key: "a", value: "joe, |/bin/x y, /var/z"), .init(key: "b", value: ":include:/l"),
          .init(key: "c", value: "\"| unclosed"), .init(key: "d", value: "error:550 |no"),
        ])
      )
    )
    let leaves = try #require(ruleset.leaves(of: table))
    #expect(leaves.commands == [.command("/bin/x y"), .file("/var/z")])
    #expect(leaves.lists == ["/l"])
    #expect(ruleset.aliasTable(ofAction: "in") == table)
    #expect(ruleset.aliasTable(ofAction: "out") == nil)
  }
}
