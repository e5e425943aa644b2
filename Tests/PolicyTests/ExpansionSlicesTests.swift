// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite struct ExpansionSlicesTests {
  private static func ruleset(_ value: String) throws -> Ruleset {
    try Rules.ruleset(
      """
      table names { all = "\(value)" }
      action out relay
      action in maildir alias <names>
      match from any for local action in
      match from any for domain far.example action out
      """
    )
  }

  private static func addresses(_ count: Int) -> String {
    (0..<count).map { "u\($0)@far.example" }.joined(separator: ", ")
  }

  @Test("no event of an expansion does more than a slice, and nothing is lost between them")
  func slices() throws {
    let ruleset = try Self.ruleset(Self.addresses(400))
    var expansion = Expansion(try Rules.subject(to: "all@localhost"))
    var actions = expansion.begin(with: ruleset)
    var events = 1
    var effort = expansion.effort
    // The list is read in one go, which counts for a quarter of its entries.
    #expect((100...100 + ExpansionLimits.slice).contains(effort))
    while actions == [.proceed] {
      actions = expansion.proceed(with: ruleset)
      events += 1
      #expect(expansion.effort - effort <= ExpansionLimits.slice)
      effort = expansion.effort
    }
    guard case .finish(.accepted(let drafts)) = actions.last else {
      Issue.record("it ended with \(actions)")
      return
    }
    #expect(drafts.map(\.destination.local) == (0..<400).map { "u\($0)" })
    // Each is added and looked at, as are the address and the user above.
    #expect(effort >= 902)
    #expect(events >= 802 / ExpansionLimits.slice)
  }

  @Test("an answer that comes between two slices is taken, and what it leads to has its turn there")
  func answers() throws {
    let ruleset = try Self.ruleset("joe, " + Self.addresses(200))
    var expansion = Expansion(try Rules.subject(to: "all@localhost"))
    var actions = expansion.begin(with: ruleset)
    var question: Int?
    while question == nil, actions.last == .proceed {
      actions = expansion.proceed(with: ruleset)
      if case .ask(let number, _)? = actions.first { question = number }
    }
    let number = try #require(question)
    #expect(actions.last == .proceed)
    let account = Account(user: 1000, group: 1000, home: "/home/joe")
    #expect(expansion.answered(number, .account(account, .none), with: ruleset).isEmpty)
    actions = [.proceed]
    while actions == [.proceed] { actions = expansion.proceed(with: ruleset) }
    guard case .finish(.accepted(let drafts)) = actions.last else {
      Issue.record("it ended with \(actions)")
      return
    }
    #expect(drafts.count == 201)
    #expect(drafts.first?.action == "in")
  }

  @Test("an entry beyond the first slice refuses the whole")
  func refusal() throws {
    let ruleset = try Self.ruleset(Self.addresses(200) + ", x@no.example")
    var expansion = Expansion(try Rules.subject(to: "all@localhost"))
    var actions = expansion.begin(with: ruleset)
    #expect(actions == [.proceed])
    while actions == [.proceed] { actions = expansion.proceed(with: ruleset) }
    let address = Address(local: "all", domain: "localhost")
    #expect(actions == [.finish(.refused(.invalidRecipient(address)))])
  }
}
