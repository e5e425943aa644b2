// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

@Suite struct VirtualExpansionTests {
  private static func world(_ table: String) -> ExpansionWorld {
    ExpansionWorld(
      rules: """
        table v { \(table) }
        action out relay
        action virt maildir virtual <v>
        match from any for domain v.example action virt
        match from local for domain relay.example action out
        """,
      users: ["joe": .none, "bob": .none]
    )
  }

  @Test(
    "the keys of a virtual table are tried in their order",
    arguments: [
      (
        "\"u+t@v.example\" = joe, \"u@v.example\" = bob, \"u+t\" = bob, u = bob, \"@v.example\" = bob",
        "joe"
      ),
      ("\"u@v.example\" = joe, \"u+t\" = bob, u = bob, \"@v.example\" = bob, \"@\" = bob", "joe"),
      ("\"u+t\" = joe, u = bob, \"@v.example\" = bob, \"@\" = bob", "joe"),
      ("u = joe, \"@v.example\" = bob, \"@\" = bob", "joe"),
      ("\"@v.example\" = joe, \"@\" = bob", "joe"), ("\"@\" = joe", "joe"),
    ]
  )
  func order(_ table: String, _ user: String) throws {
    #expect(
      try VirtualExpansionTests.world(table).envelopes(of: "U+T@V.example")
        == ["virt \(user) <U+T@V.example>"]
    )
  }

  @Test("an address that is not in the table is refused by 524")
  func miss() throws {
    #expect(
      try VirtualExpansionTests.world("\"a@v.example\" = joe").envelopes(of: "b@v.example")
        == ["524 5.2.4 Mailing list expansion problem: <b@v.example>"]
    )
  }

  @Test("a name that an entry names is looked up by itself, and then is a user")
  func names() throws {
    let world = VirtualExpansionTests.world("\"a@v.example\" = mary, mary = joe, \"@\" = bob")
    #expect(try world.envelopes(of: "a@v.example") == ["virt joe <a@v.example>"])
    // `@` does not catch names.
    let other = VirtualExpansionTests.world("\"a@v.example\" = mary, \"@\" = bob")
    #expect(
      try other.envelopes(of: "a@v.example") == ["550 Invalid recipient: <a@v.example>"]
    )
  }

  @Test(
    "addresses of a list that end at the same user or command each have a delivery",
    arguments: [
      ("a = joe, b = joe", ["virt joe <a@v.example>", "virt joe <b@v.example>"]),
      // A name is for the list's own address, twice or not.
      (
        "a = \"joe, joe\", b = joe, also = joe",
        ["virt joe <l@v.example>", "virt joe <a@v.example>", "virt joe <b@v.example>"]
      ),
      ("a = \"|/x\", b = \"|/x\"", ["a |/x", "b |/x"]),
      ("a = \"/x, /x\", b = \"/x\"", ["a /x", "b /x"]),
      (
        "a = \":include:/list\", b = \":include:/list\"",
        ["virt joe <a@v.example>", "virt joe <b@v.example>"]
      ),
      // An address under two lists is one; in another case of its local part it may be another one.
      ("a = c@v.example, b = c@V.EXAMPLE, c = joe", ["virt joe <c@v.example>"]),
      (
        "a = c@v.example, b = C@v.example, c = joe",
        ["virt joe <c@v.example>", "virt joe <C@v.example>"]
      ),
    ] as [(String, [String])]
  )
  func destinations(_ members: String, _ expected: [String]) throws {
    let list =
      members.contains("also") ? "a@v.example, b@v.example, also, also" : "a@v.example, b@v.example"
    var world = VirtualExpansionTests.world("l = \"\(list)\", \(members)")
    world.lists["/list"] = .include(Array("joe\n".utf8), .administrator)
    guard case .accepted(let drafts) = try world.expand("l@v.example").outcome else {
      Issue.record("refused")
      return
    }
    let said = zip(drafts, try world.envelopes(of: "l@v.example")).map { draft, text in
      guard case .local(let local) = draft.kind else { return text }
      switch local.method {
      case .action: return text
      case .command(let text, _): return "\(draft.destination.local) |\(text)"
      case .file(let path, _): return "\(draft.destination.local) \(path)"
      }
    }
    #expect(said.sorted() == expected.sorted())
  }

  @Test("users of a table stand in the place of the host's")
  func userbase() throws {
    var world = ExpansionWorld(
      rules: """
        table u { joe = "1001:1001:/home/joe" }
        action in maildir userbase <u>
        match from any for local action in
        """
    )
    #expect(try world.envelopes(of: "joe@localhost") == ["in joe <joe@localhost>"])
    #expect(
      try world.expand("joe@localhost").questions
        == [.forward(Account(user: 1001, group: 1001, home: "/home/joe"))]
    )
    #expect(
      try world.envelopes(of: "bob@localhost") == ["550 Invalid recipient: <bob@localhost>"]
    )
    world.users["joe"] = ExpansionWorld.forward("|/bin/x")
    #expect(try world.envelopes(of: "joe@localhost") == ["in joe forward |/bin/x"])
    let ruleset = try Rules.ruleset(world.rules)
    #expect(
      ruleset.account(of: "joe", underAction: "in")
        == .found(Account(user: 1001, group: 1001, home: "/home/joe"))
    )
    #expect(ruleset.account(of: "bob", underAction: "in") == .absent)
  }

  @Test("a table of users with one that is no account is not asked at all")
  func faultyUserbase() throws {
    let world = ExpansionWorld(
      rules: """
        table u { joe = "1001:1001:/home/joe", bad = "x" }
        action in maildir userbase <u>
        match from any for local action in
        """
    )
    #expect(
      try world.envelopes(of: "joe@localhost") == ["451 Temporary failure: <joe@localhost>"]
    )
    #expect(try Rules.ruleset(world.rules).account(of: "joe", underAction: "in") == .failed)
  }
}

@Suite struct ForwardExpansionTests {
  private static func world(_ file: ForwardFile, action: String = "maildir") -> ExpansionWorld {
    ExpansionWorld(
      rules: """
        action out relay
        action in \(action)
        match from any for local action in
        match from local for domain relay.example action out
        """,
      users: ["joe": file, "bob": .none, "root": file],
      roots: ["root"]
    )
  }

  private static let temporary = "424 4.2.4 Mailing list expansion problem: <joe@localhost>"
  private static let permanent = "524 5.2.4 Mailing list expansion problem: <joe@localhost>"

  @Test(
    "what a ~/.forward says",
    arguments: [
      ("", ["in joe <joe@localhost>"]), ("# away\n\n", ["in joe <joe@localhost>"]),
      ("joe\n", ["in joe <joe@localhost>"]), ("bob\n", ["in bob <joe@localhost>"]),
      ("\\joe, a@relay.example", ["in joe <joe@localhost>", "out relay a@relay.example"]),
      ("joe@LOCALHOST", ["in joe <joe@LOCALHOST>"]),
      (
        "\"|IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #joe\"\n",
        ["in joe forward |IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #joe"]
      ),
      (
        "|/usr/bin/vacation joe, joe",
        ["in joe forward |/usr/bin/vacation joe", "in joe <joe@localhost>"]
      ),
      ("/home/joe/mbox", ["in joe forward /home/joe/mbox"]),
      ("/home/joe/Maildir/", ["424 4.2.4 Mailing list expansion problem: <joe@localhost>"]),
      ("~/mbox", ["424 4.2.4 Mailing list expansion problem: <joe@localhost>"]),
      (":include:/etc/passwd", ["in joe <joe@localhost>"]),
      (":include:/etc/passwd, bob", ["in bob <joe@localhost>"]),
      ("\"unclosed", ["424 4.2.4 Mailing list expansion problem: <joe@localhost>"]),
      ("error:550 gone", ["550 gone: <joe@localhost>"]),
      ("mary", ["550 Invalid recipient: <joe@localhost>"]),
    ] as [(String, [String])]
  )
  func files(_ text: String, _ expected: [String]) throws {
    let world = ForwardExpansionTests.world(ExpansionWorld.forward(text))
    #expect(try world.envelopes(of: "joe@localhost") == expected)
  }

  @Test(
    "a ~/.forward that is not to be read",
    arguments: [
      (ForwardFile.none, "in joe <joe@localhost>"), (.insecure, permanent), (.held, temporary),
      (.tooLarge, temporary), (.failed, temporary),
      (ExpansionWorld.forward(String(repeating: "a@relay.example\n", count: 101)), temporary),
      (.content(Array(repeating: 0x20, count: ForwardFile.sizeMax + 1)), temporary),
    ]
  )
  func outcomes(_ file: ForwardFile, _ expected: String) throws {
    #expect(
      try ForwardExpansionTests.world(file).envelopes(of: "joe@localhost") == [expected]
    )
  }

  @Test("two addresses that a ~/.forward names and that are one user's are two deliveries")
  func destinations() throws {
    var world = ForwardExpansionTests.world(ExpansionWorld.forward("a@v.example, b@v.example"))
    world.rules += """

      table v { "a@v.example" = bob, "b@v.example" = bob }
      action virt maildir virtual <v>
      match from local for domain v.example action virt
      """
    let both = ["virt bob <a@v.example>", "virt bob <b@v.example>"]
    #expect(try world.envelopes(of: "joe@localhost") == both)
    world.users["bob"] = ExpansionWorld.forward("|/x, |/x")
    let commands = ["virt bob forward |/x", "virt bob forward |/x"]
    #expect(try world.envelopes(of: "joe@localhost") == commands)
  }

  @Test("a path of a directory is told as one")
  func directory() throws {
    let reason = "/home/joe/Maildir/ is a directory: a file is a mailbox of the mbox format"
    #expect(TableValue.fault(of: "joe, /home/joe/Maildir/", for: .alias) == reason)
    var world = ForwardExpansionTests.world(ExpansionWorld.forward("\"/home/joe/Maildir/\""))
    world.recording = .on
    let notes = try world.expand("joe@localhost").explanation[1].notes.compactMap(\.text)
    #expect(notes.contains(reason))
  }

  @Test("a hundred entries are taken")
  func hundred() throws {
    let lines = (0..<100).map { "a\($0)@relay.example\n" }.joined()
    let world = ForwardExpansionTests.world(ExpansionWorld.forward(lines))
    #expect(try world.envelopes(of: "joe@localhost").count == 100)
  }

  @Test("his own name keeps the sub-address")
  func subaddress() throws {
    let world = ForwardExpansionTests.world(ExpansionWorld.forward("joe, bob"))
    #expect(
      try world.envelopes(of: "joe+x@localhost")
        == ["in joe+x <joe+x@localhost>", "in bob <joe+x@localhost>"]
    )
  }

  @Test("a sub-address begins with the configuration's delimiter, and with no other")
  func delimiter() throws {
    var world = ForwardExpansionTests.world(ExpansionWorld.forward("joe, bob"))
    world.rules = "smtp sub-addr-delim \"-\"\n" + world.rules
    #expect(
      try world.envelopes(of: "joe-x+y@localhost")
        == ["in joe+x+y <joe-x+y@localhost>", "in bob <joe-x+y@localhost>"]
    )
    #expect(try world.envelopes(of: "bob-@localhost") == ["in bob+ <bob-@localhost>"])
    #expect(
      try world.envelopes(of: "bob+x@localhost") == ["550 Invalid recipient: <bob+x@localhost>"]
    )
    // In the keys of a virtual table, and in what a rule compares with, too.
    world = ExpansionWorld(
      rules: """
        smtp sub-addr-delim "-"
        table v { "u-t@v.example" = joe, "u@v.example" = bob }
        action virt maildir virtual <v>
        match from any for domain v.example rcpt-to { "u@v.example", "u-t@v.example" } action virt
        """,
      users: ["joe": .none, "bob": .none]
    )
    #expect(try world.envelopes(of: "u-t@v.example") == ["virt joe <u-t@v.example>"])
    #expect(try world.envelopes(of: "u-x@v.example") == ["virt bob <u-x@v.example>"])
    #expect(
      try world.envelopes(of: "u+t@v.example") == ["550 Invalid recipient: <u+t@v.example>"]
    )
  }

  @Test("root's file names no commands")
  func root() throws {
    let answer = ["424 4.2.4 Mailing list expansion problem: <root@localhost>"]
    for text in ["|/bin/x", "/x"] {
      let world = ForwardExpansionTests.world(ExpansionWorld.forward(text))
      #expect(try world.envelopes(of: "root@localhost") == answer)
    }
    let world = ForwardExpansionTests.world(ExpansionWorld.forward("bob"))
    #expect(try world.envelopes(of: "root@localhost") == ["in bob <root@localhost>"])
  }

  @Test("forward-only: addresses, and nothing else")
  func forwardOnly() throws {
    for text in ["|/bin/x", "/x", "error:550 x", "", "joe"] {
      let world = ForwardExpansionTests.world(
        ExpansionWorld.forward(text),
        action: "forward-only"
      )
      #expect(
        try world.envelopes(of: "joe@localhost") == [ForwardExpansionTests.temporary],
        "\(text)"
      )
    }
    let world = ForwardExpansionTests.world(
      ExpansionWorld.forward("a@relay.example"),
      action: "forward-only"
    )
    #expect(try world.envelopes(of: "joe@localhost") == ["out relay a@relay.example"])
  }

  @Test(
    "forward-only: what an alias, a virtual entry or a list names is no delivery either",
    arguments: [
      "\"|/bin/x\"", "\"/x\"", "\"error:550 x\"", "\"a@relay.example, |/bin/x\"",
      "\":include:/list\"",
    ]
  )
  func forwardOnlyAliases(_ value: String) throws {
    for (kind, key) in [("alias", "joe"), ("virtual", "\"joe@localhost\"")] {
      var world = ExpansionWorld(
        rules: """
          table t { \(key) = \(value) }
          action out relay
          action in forward-only \(kind) <t>
          match from any for domain localhost action in
          match from local for domain relay.example action out
          """
      )
      world.lists["/list"] = .include(Array("|/bin/x\n".utf8), .administrator)
      #expect(
        try world.envelopes(of: "joe@localhost") == [ForwardExpansionTests.temporary],
        "\(kind)"
      )
      world.lists["/list"] = .include(Array("a@relay.example\n".utf8), .administrator)
      let taken = ["out relay a@relay.example"]
      #expect((try world.envelopes(of: "joe@localhost") == taken) == value.contains(":include:"))
    }
  }

  @Test("two users who forward to each other are delivered to")
  func loop() throws {
    var world = ForwardExpansionTests.world(ExpansionWorld.forward("bob"))
    world.users["bob"] = ExpansionWorld.forward("joe")
    #expect(try world.envelopes(of: "joe@localhost") == ["in joe <joe@localhost>"])
  }

  @Test("the reasons are told")
  func reasons() throws {
    var world = ForwardExpansionTests.world(ExpansionWorld.forward("a@relay.example"))
    world.recording = .on
    let steps = try world.expand("joe@localhost").explanation
    #expect(steps.map(\.name) == ["joe@localhost", "joe", "a@relay.example"])
    #expect(steps.map(\.parent) == [nil, 0, 1])
    guard case .rules(let first) = steps[0].notes[0], case .rules(let last) = steps[2].notes[0]
    else {
      Issue.record("no rules: \(steps)")
      return
    }
    #expect(first.mismatches == [])
    #expect(last.mismatches == [.init(line: 3, criterion: .for)])
    #expect(steps[1].notes.compactMap(\.text) == ["~/.forward is read"])
    #expect(
      ExplainedStep.Note.forward(.insecure).text?.hasSuffix("its user cannot read it") == true
    )
    #expect(
      ExplainedStep.Note.includeRefused("/l").text?.hasSuffix("_smtpd cannot read it") == true
    )
    for text in [":include:/list", ":include:/list, a@relay.example"] {
      world.users["joe"] = ExpansionWorld.forward(text)
      let notes = try world.expand("joe@localhost").explanation[1].notes.compactMap(\.text)
      #expect(notes.prefix(2) == ["~/.forward is read", ":include: is ignored here"])
    }
  }
}
