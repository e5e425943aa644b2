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
    #expect(try decision(ruleset, "x@one.example") == .lookupFailed(.table("d")))
    try ruleset.replace(
      try place("d"),
      with: .contents(.list(["*.pat.example", "one.example"]))
    )
    for recipient in ["x@ONE.example", "x@a.pat.example"] {
      guard case .action(let action, let line) = try decision(ruleset, recipient) else {
        Issue.record("\(recipient)")
        continue
      }
      #expect(action.name == "out" && line == 5)
    }
    #expect(try decision(ruleset, "x@two.example") == .noRule)
    try ruleset.replace(try place("d"), with: .contents(.list(["two.example"])))
    #expect(try decision(ruleset, "x@one.example") == .noRule)
    #expect(try decision(ruleset, "x@a.pat.example") == .noRule)
    guard case .action = try decision(ruleset, "x@two.example") else {
      Issue.record("what is new is not found")
      return
    }
    try ruleset.replace(try place("d"), with: .unavailable)
    #expect(try decision(ruleset, "x@two.example") == .lookupFailed(.table("d")))
  }

  @Test(
    "an entry that no rule can use leaves all as it was",
    arguments: [
      ("match from src <t> for any reject", "/net", "192.0.2.1", "10.0.0.0/40", "no network"),
      (
        "match from any mail-from regex <t> for any reject", "/t", "^a@", "(unclosed",
        "no regular expression"
      ),
    ]
  )
  func refused(
    _ rule: String,
    _ path: String,
    _ good: String,
    _ bad: String,
    _ reason: String
  ) throws {
    let projection = try Rules.projection("table t file:\(path)\n\(rule)")
    let table = TableIndex(try #require(projection.tables.firstIndex { $0.name == "t" }))
    let subject = try Rules.subject(to: "x@y", source: .inet4(0xc000_0201))
    var ruleset = Ruleset(projection)
    for known in [Decision.lookupFailed(.table("t")), .reject(line: 2)] {
      if known == .reject(line: 2) {
        try ruleset.replace(table, with: .contents(.list([good])))
      }
      #expect {
        try ruleset.replace(table, with: .contents(.list([good, bad])))
      } throws: { error in
        let text = "\(error)"
        return text.contains("\"\(bad)\"") && text.contains(reason)
      }
      #expect(ruleset.decide(subject) == known)
    }
    #expect(ruleset.refusedEntries == [])
  }

  @Test(
    "a table is made ready beside the ruleset for all that asks it, and changes nothing before it is taken"
  )
  func beside() throws {
    let rules = """
      table t file:/net
      match from src <t> for domain <t> reject
      match from any mail-from regex <t> for any reject
      match from any helo <t> for any reject
      """
    let projection = try Rules.projection(rules)
    let table = TableIndex(try #require(projection.tables.firstIndex { $0.name == "t" }))
    var ruleset = Ruleset(projection)
    let preparation = ruleset.preparation
    let ready = try preparation.prepare(table, .contents(.list(["192.0.2.1", "local"])))
    #expect(
      Set(ready.parts.keys) == [.network, .destination, .pattern, .domain],
      "\(ready.parts.keys)"
    )
    let client = SourceAddress.inet4(0xc000_0201)
    let subject = try Rules.subject(to: "x@192.0.2.1", source: client)
    #expect(ruleset.decide(subject) == .lookupFailed(.table("t")))
    ruleset.replace(ready)
    #expect(ruleset.decide(subject) == .reject(line: 2))
    ruleset.replace(try preparation.prepare(table, .unavailable))
    #expect(ruleset.decide(subject) == .lookupFailed(.table("t")))
  }

  @Test("the commands that a table names are known, and those it does not name are not")
  func leaves() throws {
    var ruleset = Ruleset(try Rules.projection(rules))
    let table = try place("a")
    #expect(ruleset.leaves(of: table) == nil)
    try ruleset.replace(
      table,
      with: .contents(
        .map([
          .init(key: "a", value: "joe, |/bin/x y, /var/z"), .init(key: "b", value: ":include:/l"),
          .init(key: "c", value: "ann"), .init(key: "d", value: "error:550 |no"),
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
