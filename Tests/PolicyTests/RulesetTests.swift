// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

/// A ruleset made from the text of a configuration.
enum Rules {
  static let facts = HostFacts(
    hostName: "mx.example.org",
    interfaces: [
      HostFacts.Interface(name: "lo", addresses: [.inet4(0x7f00_0001)]),
      HostFacts.Interface(name: "eth0", addresses: [.inet4(0xc000_0201)]),
    ]
  )

  static func projection(_ text: String) throws -> LookupProjection {
    let report = ConfigurationReport(reading: "t", facts: facts) {
      path throws(UnreadableFile) in
      switch path {
      case "t": Array(text.utf8)
      case "/map": Array("a b\n".utf8)
      case "/addresses": Array("10.0.0.1\n".utf8)
      case "/names": Array("10.0.0.1 h.example\n".utf8)
      case "/net": Array("192.0.2.0/24\n".utf8)
      default: Array("x.example\n".utf8)
      }
    }
    let message = report.diagnostics.map(\.description).joined(separator: "\n")
    return LookupProjection(try #require(report.configuration, "\(message)"))
  }

  static func ruleset(_ text: String) throws -> Ruleset { Ruleset(try projection(text)) }

  static func subject(
    from sender: String? = "a@b.example",
    to destination: String,
    source: SourceAddress = .inet4(0x0102_0304),
    hostName: String = RuleSubject.unknownHostName,
    helo: String = "client.example",
    user: String? = nil,
    tag: String = "",
    transport: SessionFacts.Transport = .clear,
    origin: Envelope.Origin = .client,
    reverseLookup: ReverseLookup = .answered
  ) throws -> RuleSubject {
    var session = SessionFacts(
      id: SessionID(1),
      source: source,
      serverName: "mx.example.org",
      helo: helo,
      hostname: hostName,
      user: user,
      tag: tag
    )
    session.transport = transport
    return RuleSubject(
      session: session,
      sender: try sender.map { try Address(parsing: $0) },
      destination: try Address(parsing: destination),
      origin: origin,
      reverseLookup: reverseLookup
    )
  }
}

@Suite struct RulesetTests {
  private let outside = SourceAddress.inet4(0x0102_0304)
  private let own = SourceAddress.inet4(0xc000_0201)
  private let loopback = SourceAddress.inet4(0x7f05_0001)

  /// Whether `match CRITERIA reject` matches.
  private func matches(_ criteria: String, _ subject: RuleSubject) throws -> Bool {
    try Rules.ruleset("match \(criteria) reject").decide(subject) == .reject(line: 1)
  }

  @Test("the first rule that matches decides")
  func order() throws {
    let ruleset = try Rules.ruleset(
      """
      action one relay
      action two maildir
      match from any for domain a.example action one
      match from any for any action two
      match from any for any reject
      """
    )
    let first = try Rules.subject(to: "x@A.example")
    let second = try Rules.subject(to: "x@b.example")
    #expect(ruleset.decide(first) == .action(.init(name: "one", kind: .relay), line: 3))
    #expect(ruleset.decide(second) == .action(.init(name: "two", kind: .local), line: 4))
  }

  @Test("without from only this host's mail, without for only this host's domains")
  func defaults() throws {
    for source in [SourceAddress.local, own, loopback, .inet6(0, 1)] {
      #expect(try matches("", Rules.subject(to: "x@mx.example.org", source: source)))
      #expect(try matches("", Rules.subject(to: "x@localhost", source: source)))
      #expect(try matches("", Rules.subject(to: "x@[192.0.2.1]", source: source)))
      #expect(try !matches("", Rules.subject(to: "x@example.org", source: source)))
    }
    #expect(try !matches("", Rules.subject(to: "x@mx.example.org")))
    let inner = try Rules.subject(to: "x@mx.example.org", origin: .expansion)
    #expect(try matches("", inner))
  }

  @Test("no rule")
  func noRule() throws {
    #expect(try Rules.ruleset("match reject").decide(Rules.subject(to: "x@y")) == .noRule)
  }

  @Test(
    "sources",
    arguments: [
      ("from any for any", true, true, true), ("!from any for any", false, false, false),
      ("from local for any", true, true, false), ("!from local for any", false, false, true),
      ("from socket for any", true, false, false), ("!from socket for any", false, true, true),
      ("from src 1.2.3.4 for any", false, false, true),
      ("from src \"local\" for any", true, false, false),
      ("!from src { \"1.2.3.0/24\", \"local\" } for any", false, true, false),
      ("from src regex \"^1\\.\" for any", false, false, true),
      ("from src <anyhost> for any", true, true, true),
      ("from src <localhost> for any", true, true, false),
    ]
  )
  func sources(_ criteria: String, _ socket: Bool, _ local: Bool, _ remote: Bool) throws {
    #expect(try matches(criteria, Rules.subject(to: "x@y", source: .local)) == socket)
    #expect(try matches(criteria, Rules.subject(to: "x@y", source: own)) == local)
    #expect(try matches(criteria, Rules.subject(to: "x@y", source: outside)) == remote)
  }

  @Test(
    "reverse names",
    arguments: [
      ("from rdns for any", false, true), ("!from rdns for any", true, false),
      ("from rdns \"*.example\" for any", false, true),
      ("!from rdns \"*.example\" for any", false, false),
      ("!from rdns other for any", false, true),
      ("from rdns regex \"^mail\" for any", false, true),
    ]
  )
  func reverseNames(_ criteria: String, _ unknown: Bool, _ known: Bool) throws {
    #expect(try matches(criteria, Rules.subject(to: "x@y")) == unknown)
    #expect(
      try matches(criteria, Rules.subject(to: "x@y", hostName: "Mail.example".lowercased()))
        == known
    )
  }

  @Test(
    "a reverse name that cannot be found out is a temporary failure, once a rule comes to it",
    arguments: [
      ("from rdns for any", true), ("!from rdns for any", true),
      ("from rdns \"*.example\" for any", true), ("!from rdns other for any", true),
      ("from rdns regex \"^mail\" for any", true), ("from any for any", false),
      ("tag other from rdns for any", false),
    ]
  )
  func failedReverseNames(_ criteria: String, _ isFailure: Bool) throws {
    let ruleset = try Rules.ruleset("match \(criteria) reject\nmatch from any for any reject")
    let subject = try Rules.subject(to: "x@y", reverseLookup: .failed)
    for decision in [ruleset.decide(subject), ruleset.explain(subject).decision] {
      #expect((decision == .lookupFailed(.reverseName)) == isFailure)
    }
    let inner = try Rules.subject(to: "x@y", origin: .expansion, reverseLookup: .failed)
    #expect(ruleset.decide(inner) != .lookupFailed(.reverseName))
  }

  @Test(
    "destinations",
    arguments: [
      ("for any", true, true), ("!for any", false, false), ("for local", true, false),
      ("!for local", false, true), ("for domain mx.example.org", true, false),
      ("!for domain { \"*.net\" }", true, false), ("for domain regex \"net$\"", false, true),
      ("for rcpt-to joe", true, true), ("for rcpt-to \"@*.net\"", false, true),
      ("!for rcpt-to \"joe@other.net\"", true, false),
      ("for any rcpt-to \"joe@other.net\"", false, true),
      ("for any !rcpt-to regex \"^joe\"", false, false),
    ]
  )
  func destinations(_ criteria: String, _ local: Bool, _ remote: Bool) throws {
    let here = try Rules.subject(to: "joe+tag@mx.example.org")
    let there = try Rules.subject(to: "joe@other.net")
    #expect(try matches("from any \(criteria)", here) == local)
    #expect(try matches("from any \(criteria)", there) == remote)
  }

  @Test(
    "sessions",
    arguments: [
      ("auth", false, true), ("!auth", true, false), ("auth joe", false, true),
      ("!auth joe", true, false), ("auth jim", false, false), ("auth regex \"^j\"", false, true),
      ("tls", false, true), ("!tls", true, false), ("tag in", false, true),
      ("!tag in", true, false),
      ("helo \"*.example\"", true, true), ("helo other", false, false),
      ("mail-from \"@b.example\"", false, true), ("!mail-from \"@b.example\"", true, false),
      ("mail-from \"@\"", true, true), ("mail-from regex \"^@$\"", true, false),
    ]
  )
  func sessions(_ criteria: String, _ plain: Bool, _ known: Bool) throws {
    let bare = try Rules.subject(from: nil, to: "x@y")
    let full = try Rules.subject(to: "x@y", user: "joe", tag: "In", transport: .tls)
    #expect(try matches("from any for any \(criteria)", bare) == plain)
    #expect(try matches("from any for any \(criteria)", full) == known)
  }

  @Test(
    "a regular expression in a file means what it means in the configuration, and case counts in neither",
    arguments: [
      ("^\\W", "-a@y.example", "wa@y.example"), ("^\\Sx@", "Ax@y.example", "ay@y.example"),
      ("^a\\Bb", "AB@y.example", "a-b@y.example"), ("^A[B-D]@", "ac@Y.example", "ae@y.example"),
      ("(?i)^X@", "x@y.example", "w@y.example"),
    ]
  )
  func expressions(_ expression: String, _ fits: String, _ other: String) throws {
    let inline = try Rules.ruleset("match from any rcpt-to regex \"\(expression)\" for any reject")
    let projection = try Rules.projection(
      "table t file:/t\nmatch from any rcpt-to regex <t> for any reject"
    )
    let table = TableIndex(try #require(projection.tables.firstIndex { $0.name == "t" }))
    let text = Array("# @list\n\(expression)\n".utf8)
    let file = Ruleset(projection, files: [table: .contents(try TableContents(parsing: text))])
    for (ruleset, line) in [(inline, 1), (file, 2)] {
      #expect(ruleset.decide(try Rules.subject(to: fits)) == .reject(line: line))
      #expect(ruleset.decide(try Rules.subject(to: other)) == .noRule)
    }
  }

  @Test("keys are lower case, but for what stands behind a backslash that is none of a character")
  func escapedKeys() throws {
    let text = Array("# @list\nA\\WB\\\\CD\\\\\\EF\\\n".utf8)
    #expect(try TableContents(parsing: text).keys == ["a\\Wb\\\\cd\\\\\\Ef\\"])
  }

  @Test("a program of this host counts as authenticated, but as nobody by name")
  func localIsKnown() throws {
    let local = try Rules.subject(to: "x@y.example", source: .local)
    for (criteria, wanted) in [
      ("from socket auth for any", true), ("from local auth for any", true),
      ("from any !auth for any", false), ("from auth for any", true),
      ("from any auth joe for any", false), ("!from socket for any", false),
    ] {
      #expect(try matches(criteria, local) == wanted, "\(criteria)")
    }
  }

  @Test(
    "from auth and from mail-from take any source",
    arguments: [
      ("from auth for any", true), ("!from auth for any", false),
      ("from auth \"joe@b\" for any", true), ("from mail-from a for any", true),
      ("!from mail-from a for any", false),
    ]
  )
  func combined(_ criteria: String, _ expected: Bool) throws {
    #expect(try matches(criteria, Rules.subject(to: "x@y", user: "Joe@b")) == expected)
  }

  @Test("results of an expansion come from this host, but not by its socket")
  func expansions() throws {
    let inner = try Rules.subject(to: "x@y", hostName: "a.b", origin: .expansion)
    #expect(try matches("from local for any", inner))
    #expect(try matches("from src \"local\" for any", inner))
    #expect(try !matches("from socket for any", inner))
    #expect(try !matches("!from socket for any", inner))
    #expect(try !matches("from rdns for any", inner))
  }

  @Test("a table that cannot be asked is a temporary failure, once a rule comes to it")
  func unavailable() throws {
    let projection = try Rules.projection(
      "table t file:/t\nmatch from any for any tag x reject\nmatch from any for domain <t> reject"
    )
    let subject = try Rules.subject(to: "x@x.example")
    #expect(Ruleset(projection).decide(subject) == .lookupFailed(.table("t")))
    let tagged = try Rules.subject(to: "x@x.example", tag: "x")
    #expect(Ruleset(projection).decide(tagged) == .reject(line: 2))
    let index = try #require(projection.tables.firstIndex { $0.name == "t" })
    let files = [TableIndex(index): TableSource.contents(.list(["x.example"]))]
    #expect(Ruleset(projection, files: files).decide(subject) == .reject(line: 3))
  }

  @Test(
    "a table with an entry that a criterion cannot use is not asked: no rule is another without it"
  )
  func refusedEntries() throws {
    let projection = try Rules.projection("table t file:/net\nmatch from src <t> for any reject")
    let index = try #require(projection.tables.firstIndex { $0.name == "t" })
    for entries in [["1.2.3.4", "x"], ["1.2.3.4", "10.0.0.0/40"]] {
      let ruleset = Ruleset(projection, files: [TableIndex(index): .contents(.list(entries))])
      #expect(ruleset.refusedEntries == [.init(table: "t", entry: entries[1], use: .network)])
      let decision = ruleset.decide(try Rules.subject(to: "x@y"))
      #expect(decision == .lookupFailed(.table("t")))
    }
  }
}
