// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite struct ExpansionTests {
  private let rules = """
    action out relay
    action in maildir
    match from any for local action in
    match from any for domain relay.example action out
    match from any for domain no.example reject
    """

  private func begin(_ recipient: String) throws -> (Expansion, Expansion.Action) {
    var expansion = Expansion(try Rules.subject(to: recipient))
    let action = expansion.begin(with: try Rules.ruleset(rules))
    return (expansion, action)
  }

  private func refusal(_ code: UInt16, _ text: String) -> Expansion.Action {
    .finish(.refused(Reply(code, nil, text)))
  }

  @Test("a relay action takes the address as it is")
  func relay() throws {
    let address = try Address(parsing: "Joe+X@relay.example")
    #expect(
      try begin("Joe+X@relay.example").1
        == .finish(
          .accepted([
            EnvelopeDraft(kind: .relay, action: "out", recipient: address, destination: address)
          ])
        )
    )
  }

  @Test("a local action asks for the user in lower case, without the sub-address")
  func local() throws {
    var (expansion, action) = try begin("Joe+Tag@localhost")
    #expect(action == .askUser("joe"))
    let address = try Address(parsing: "Joe+Tag@localhost")
    let account = Account(user: 1000, group: 1000, home: "/home/joe")
    #expect(
      expansion.answered(.found(account))
        == .finish(
          .accepted([
            EnvelopeDraft(
              kind: .local(LocalDelivery(user: "joe", subaddress: "tag")),
              action: "in",
              recipient: address,
              destination: address
            )
          ])
        )
    )
  }

  @Test("an unknown user is refused, and a database that fails is no refusal")
  func unknownUser() throws {
    var (expansion, action) = try begin("nobody@localhost")
    #expect(action == .askUser("nobody"))
    #expect(
      expansion.answered(.absent) == refusal(550, "Invalid recipient: <nobody@localhost>")
    )
    var (other, question) = try begin("joe@localhost")
    #expect(question == .askUser("joe"))
    #expect(other.answered(.failed) == refusal(451, "Temporary failure: <joe@localhost>"))
  }

  @Test("no rule and a rule that rejects read the same")
  func refused() throws {
    #expect(try begin("a@no.example").1 == refusal(550, "Invalid recipient: <a@no.example>"))
    #expect(try begin("a@b.example").1 == refusal(550, "Invalid recipient: <a@b.example>"))
  }

  @Test("a table that cannot be asked is a temporary failure")
  func lookupFailed() throws {
    var expansion = Expansion(try Rules.subject(to: "a@b"))
    let ruleset = try Rules.ruleset("table t file:/t\nmatch from any for domain <t> reject")
    #expect(expansion.begin(with: ruleset) == refusal(451, "Temporary failure: <a@b>"))
  }

  @Test(
    "a name that a database could misread is not asked for",
    arguments: [
      "a/b@localhost", "\"..\"@localhost", "\"a:b\"@localhost", "\"a b\"@localhost",
      "\"a,b\"@localhost",
    ]
  )
  func unaskable(_ recipient: String) throws {
    let text = "Invalid recipient: <\(try Address(parsing: recipient))>"
    #expect(try begin(recipient).1 == refusal(550, text))
  }

  @Test("a draft becomes an envelope")
  func envelope() throws {
    let address = Address(local: "a", domain: "b")
    let draft = EnvelopeDraft(
      kind: .relay,
      action: "x",
      recipient: address,
      destination: address,
      origin: .expansion
    )
    let id = try #require(EnvelopeID(0x1_0000_0001))
    let envelope = draft.envelope(id: id, created: Instant(seconds: 5))
    #expect(envelope.origin == .expansion && envelope.action == "x" && envelope.id == id)
  }
}
