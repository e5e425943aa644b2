// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite struct ExpansionTests {
  private static let plain = """
    action out relay
    action in maildir
    match from any for local action in
    match from any for domain relay.example action out
    match from any for domain no.example reject
    """
  private let world = ExpansionWorld(
    rules: ExpansionTests.plain,
    users: ["joe": .none, "bob": .none]
  )

  @Test(
    "without aliases an address is relayed, a user, or refused",
    arguments: [
      ("Joe+X@relay.example", "out relay Joe+X@relay.example"),
      ("Joe+Tag@localhost", "in joe+tag <Joe+Tag@localhost>"),
      ("BOB@localhost", "in bob <BOB@localhost>"),
      ("nobody@localhost", "550 Invalid recipient: <nobody@localhost>"),
      ("a@no.example", "550 Invalid recipient: <a@no.example>"),
      ("a@b.example", "550 Invalid recipient: <a@b.example>"),
    ]
  )
  func simple(_ recipient: String, _ expected: String) throws {
    #expect(try world.envelopes(of: recipient) == [expected])
  }

  @Test("a user database that fails is no refusal")
  func accountsFail() throws {
    var world = world
    world.failing = ["joe"]
    #expect(
      try world.envelopes(of: "joe@localhost") == ["451 Temporary failure: <joe@localhost>"]
    )
  }

  @Test("a table that cannot be asked is a temporary failure")
  func lookupFailed() throws {
    let world = ExpansionWorld(
      rules: "table t file:/t\nmatch from any for domain <t> reject"
    )
    #expect(try world.envelopes(of: "a@b") == ["451 Temporary failure: <a@b>"])
  }

  @Test(
    "a name that a database could misread is not asked for",
    arguments: [
      "a/b@localhost", "\"..\"@localhost", "\"a:b\"@localhost", "\"a b\"@localhost",
      "\"a,b\"@localhost",
    ]
  )
  func unaskable(_ recipient: String) throws {
    let text = "550 Invalid recipient: <\(try Address(parsing: recipient))>"
    let result = try world.expand(recipient)
    #expect(result.questions == [])
    #expect(try world.envelopes(of: recipient) == [text])
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

@Suite struct AliasExpansionTests {
  private static func world(_ aliases: String, action: String = "maildir") -> ExpansionWorld {
    ExpansionWorld(
      rules: """
        table a { \(aliases) }
        action out relay
        action in \(action) alias <a>
        match from any for local action in
        match from local for domain relay.example action out
        match from any for domain only-outside.example action out
        match from local for domain deep.example reject
        """,
      users: ["joe": .none, "bob": .none, "root": .none]
    )
  }

  @Test(
    "aliases say what users stand for",
    arguments: [
      ("joe = bob", "joe@localhost", ["in bob <joe@localhost>"]),
      (
        "joe = \"bob, joe\"", "joe@localhost", ["in bob <joe@localhost>", "in joe <joe@localhost>"]
      ),
      (
        "all = \"joe,bob,joe\"", "All@localhost",
        ["in joe <All@localhost>", "in bob <All@localhost>"]
      ),
      ("joe = Bob+Tag", "joe@localhost", ["in bob+tag <joe@localhost>"]),
      ("\"joe+x\" = bob", "joe+x@localhost", ["in bob <joe+x@localhost>"]),
      ("\"joe+x\" = bob", "joe+y@localhost", ["in joe+y <joe+y@localhost>"]),
      ("joe = bob", "joe+y@localhost", ["in bob <joe+y@localhost>"]),
      ("joe = a@relay.example", "joe@localhost", ["out relay a@relay.example"]),
      ("joe = bob@localhost", "joe@localhost", ["in bob <bob@localhost>"]),
      ("joe = \"|/bin/x 'a, b'\"", "joe@localhost", ["in _smtpd alias |/bin/x 'a, b'"]),
      ("joe = \"/var/x\"", "joe@localhost", ["in _smtpd alias /var/x"]),
      ("joe = mary", "joe@localhost", ["550 Invalid recipient: <joe@localhost>"]),
      ("joe = a@deep.example", "joe@localhost", ["550 Invalid recipient: <joe@localhost>"]),
      ("joe = a@else.example", "joe@localhost", ["550 Invalid recipient: <joe@localhost>"]),
      ("joe = \"error:551 5.7.1 moved\"", "joe@localhost", ["551 5.7.1 moved: <joe@localhost>"]),
      ("joe = \"error:451 later\"", "joe@localhost", ["451 later: <joe@localhost>"]),
      (#"joe = "error:550 \"gone away\"""#, "joe@localhost", ["550 gone away: <joe@localhost>"]),
      ("joe = \"error:550 'gone'  \"", "joe@localhost", ["550 gone: <joe@localhost>"]),
      ("joe = \"bob, error:550 no\"", "joe@localhost", ["550 no: <joe@localhost>"]),
      ("joe = \"error:550 box #5\"", "joe@localhost", ["550 box #5: <joe@localhost>"]),
      (
        "joe = \"bob, #ops@relay.example\"", "joe@localhost",
        ["in bob <joe@localhost>", "out relay #ops@relay.example"]
      ),
      (
        "joe = \"a b\"", "joe@localhost",
        ["424 4.2.4 Mailing list expansion problem: <joe@localhost>"]
      ),
    ] as [(String, String, [String])]
  )
  func aliases(_ table: String, _ recipient: String, _ expected: [String]) throws {
    #expect(try AliasExpansionTests.world(table).envelopes(of: recipient) == expected)
  }

  @Test("loops of aliases end")
  func loops() throws {
    let users = AliasExpansionTests.world("a = b, b = a, joe = bob, bob = joe, c = c")
    #expect(try users.envelopes(of: "joe@localhost") == ["in joe <joe@localhost>"])
    #expect(try users.envelopes(of: "a@localhost") == ["550 Invalid recipient: <a@localhost>"])
    #expect(try users.envelopes(of: "c@localhost") == ["550 Invalid recipient: <c@localhost>"])
    let addresses = AliasExpansionTests.world("a = b@localhost, b = a@localhost")
    #expect(
      try addresses.envelopes(of: "a@localhost")
        == ["524 5.2.4 Mailing list expansion problem: <a@localhost>"]
    )
  }

  @Test("an expansion is as deep as its limit, and no deeper")
  func depth() throws {
    func chain(_ length: Int) -> String {
      (0..<length).map { "u\($0) = \($0 == length - 1 ? "joe" : "u\($0 + 1)")" }
        .joined(separator: ", ")
    }
    // The address, the first user, and a step for each alias.
    let longest = AliasExpansionTests.world(chain(ExpansionLimits.depth - 2))
    #expect(try longest.envelopes(of: "u0@localhost") == ["in joe <u0@localhost>"])
    let longer = AliasExpansionTests.world(chain(ExpansionLimits.depth - 1))
    #expect(
      try longer.envelopes(of: "u0@localhost")
        == ["524 5.2.4 Mailing list expansion problem: <u0@localhost>"]
    )
  }

  @Test("what an alias names goes through the rules as mail of this host")
  func rulesAgain() throws {
    let world = AliasExpansionTests.world("joe = a@relay.example")
    #expect(
      try world.envelopes(of: "a@relay.example") == ["550 Invalid recipient: <a@relay.example>"]
    )
    guard case .accepted(let drafts) = try world.expand("joe@localhost").outcome else {
      Issue.record("refused")
      return
    }
    #expect(drafts.map(\.origin) == [.expansion])
    #expect(drafts.map(\.recipient) == [Address(local: "joe", domain: "localhost")])
  }

  @Test("a list names addresses and users, one level deep")
  func include() throws {
    var world = AliasExpansionTests.world("list = \":include:/lists/a\"")
    world.lists["/lists/a"] = .include(
      Array("# members\njoe, bob\n\n\"|/bin/x\"\n:include:/lists/b\n".utf8),
      .administrator
    )
    #expect(
      try world.envelopes(of: "list@localhost")
        == ["in joe <list@localhost>", "in bob <list@localhost>", "in _smtpd alias |/bin/x"]
    )
    #expect(
      try world.expand("list@localhost").questions.filter {
        if case .include = $0 { true } else { false }
      }
        == [.include("/lists/a")]
    )
    world.lists["/lists/a"] = .include(Array("joe\n|/bin/x\n".utf8), .other)
    #expect(
      try world.envelopes(of: "list@localhost")
        == ["524 5.2.4 Mailing list expansion problem: <list@localhost>"]
    )
    world.lists["/lists/a"] = .include(Array("joe\nbob\n".utf8), .other)
    #expect(try world.envelopes(of: "list@localhost").count == 2)
  }

  @Test(
    "a list that cannot be read",
    arguments: [
      (ExpansionAnswer.failed, "424 4.2.4"), (.refused, "524 5.2.4"),
      (.include([], .administrator), "524 5.2.4"),
      (.include(Array("a b c\n".utf8), .administrator), "424 4.2.4"),
    ]
  )
  func badInclude(_ answer: ExpansionAnswer, _ code: String) throws {
    var world = AliasExpansionTests.world("list = \":include:/lists/a\"")
    world.lists["/lists/a"] = answer
    #expect(
      try world.envelopes(of: "list@localhost")
        == ["\(code) Mailing list expansion problem: <list@localhost>"]
    )
  }

  @Test("with `user`, commands of aliases and all deliveries are his")
  func actionUser() throws {
    var world = AliasExpansionTests.world("joe = \"|/bin/x\"", action: "maildir user bob")
    #expect(try world.envelopes(of: "joe@localhost") == ["in bob alias |/bin/x"])
    world.users["root"] = ExpansionWorld.forward("joe")
    // The files of others are not read then.
    #expect(try world.envelopes(of: "root@localhost") == ["in root <root@localhost>"])
  }

  @Test("expand-only ends at no user")
  func expandOnly() throws {
    let world = AliasExpansionTests.world("joe = a@relay.example", action: "expand-only")
    #expect(try world.envelopes(of: "joe@localhost") == ["out relay a@relay.example"])
    #expect(
      try world.envelopes(of: "bob@localhost")
        == ["524 5.2.4 Mailing list expansion problem: <bob@localhost>"]
    )
  }

  @Test("ten thousand entries are taken, each once, and few are asked for at a time")
  func large() throws {
    let names = (0..<10_000).map { "u\($0)" }
    var world = ExpansionWorld(
      rules: """
        table a file:/map
        action in maildir alias <a>
        match from any for local action in
        """
    )
    for name in names { world.users[name] = ForwardFile.none }
    let projection = try Rules.projection(world.rules)
    let table = try #require(projection.tables.firstIndex { $0.name == "a" })
    let contents = try TableContents(parsing: Array("all: \(names.joined(separator: ","))".utf8))
    let ruleset = Ruleset(projection, files: [TableIndex(table): .contents(contents)])
    let result = try world.expand("all@localhost", ruleset: ruleset)
    guard case .accepted(let drafts) = result.outcome else {
      Issue.record("refused")
      return
    }
    #expect(drafts.count == 10_000)
    #expect(result.questions.count == 10_000)
  }
}
