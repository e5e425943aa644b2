// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Testing

@testable import Policy

/// Random rulesets over few names, so that rules match, tables overlap, and some cannot be asked.
private struct RandomRules {
  static let entries = [
    "a.example", "*.example", "*", "b.a.example", "*.a.example", "A.Example", "*e", "**.example",
    "*.ex*", ".example", "*.\u{e9}.example", "10.0.0.0/8", "10.0.0.1", "0.0.0.0/0", "::/0",
    "2001:db8::/33",
    "local", "c.test", "u@a.example", "u", "@c.test", "u+x@c.test", "v@*.example", "@",
  ]
  static let senders: [Address?] = [
    nil, Address(local: "U+x", domain: "C.test"), Address(local: "v", domain: "a.example"),
  ]
  static let domains = [
    "a.example", "b.a.example", "B.A.example", "c.test", "example", ".example", "*.example", "",
    "x.\u{e9}.example", "a..example",
  ]
  static let tags = ["", "a.example", "c.test"]
  static let sessions = tags.flatMap { tag in senders.map { (tag, $0) } }
  static let sources: [SourceAddress] = [
    .local, .inet4(0x0a00_0001), .inet4(0x0102_0304), .inet6(0x2001_0db8_0000_0000, 1),
  ]

  var state: UInt64

  mutating func number(below limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(limit))
  }

  mutating func isOne(of count: Int) -> Bool { number(below: count) == 0 }

  /// Behind the tables of anything are one of networks and one of patterns, where no other entry may be.
  mutating func source(of table: Int, tables: Int) -> TableSource {
    guard !isOne(of: 5) else { return .unavailable }
    var entries = (0..<number(below: 4)).map { _ in
      RandomRules.entries[number(below: RandomRules.entries.count)]
    }
    var networks = NetworkIndex.Entries()
    if table == tables { entries.removeAll { !networks.add($0) } }
    if table == tables + 1 { entries.removeAll { (try? Pattern(parsing: $0)) == nil } }
    return .contents(.list(Set(entries).sorted()))
  }

  mutating func rule(_ place: Int, tables: Int) -> Rule {
    var rule = Rule(
      line: place + 1,
      source: .any(.holds),
      destination: .any(isOne(of: 4) ? .holds : .fails),
      outcome: .reject
    )
    if isOne(of: 4) { rule.tag = test(tables) }
    switch number(below: 6) {
    case 0, 3:
      rule.source = .address(
        Rule.Test(table: TableIndex(tables), comparison: .entries, sense: sense())
      )
    case 1: rule.source = .reverseName(test(tables))
    case 2: rule.source = .local(sense())
    default: break
    }
    if !isOne(of: 4) { rule.destination = .domain(test(tables)) }
    if isOne(of: 5) { rule.helo = test(tables) }
    if isOne(of: 3) { rule.sender = test(tables) }
    if isOne(of: 3) { rule.recipient = test(tables) }
    return rule
  }

  private mutating func sense() -> Rule.Sense { isOne(of: 4) ? .fails : .holds }

  private mutating func test(_ tables: Int) -> Rule.Test {
    let isPattern = isOne(of: 6)
    return Rule.Test(
      table: TableIndex(isPattern ? tables + 1 : number(below: tables)),
      comparison: isPattern ? .patterns : .entries,
      sense: sense()
    )
  }
}

@Suite("Rules that are passed over by their domains")
struct RuleIndexTests {
  @Test("a decision is what a look at every rule says", arguments: 0..<40)
  func agreement(seed: Int) throws {
    var random = RandomRules(state: UInt64(seed) &+ 1)
    let count = 1 + random.number(below: 8)
    let tables = (0..<count + 2).map { TableDeclaration(name: "t\($0)", content: .file("/\($0)")) }
    let rules = (0..<random.number(below: 30)).map { random.rule($0, tables: count) }
    var files: [TableIndex: TableSource] = [:]
    for table in tables.indices {
      files[TableIndex(table)] = random.source(of: table, tables: count)
    }
    var ruleset = Ruleset(
      LookupProjection(serverName: "mx.example", tables: tables, rules: rules, actions: []),
      files: files
    )
    for _ in 0..<5 {
      for domain in RandomRules.domains {
        for (tag, sender) in RandomRules.sessions {
          for source in RandomRules.sources {
            let subject = RuleSubject(
              session: SessionFacts(
                id: SessionID(1),
                source: source,
                serverName: "mx.example",
                helo: "a.example",
                hostname: "b.a.example",
                tag: tag
              ),
              sender: sender,
              destination: Address(local: tag.isEmpty ? "U+x" : "u", domain: domain)
            )
            #expect(
              ruleset.decide(subject) == ruleset.explain(subject).decision,
              "\(domain), \(tag), \(source): \(rules)"
            )
          }
        }
      }
      let table = random.number(below: count + 2)
      try ruleset.replace(
        TableIndex(table),
        with: random.source(of: table, tables: count)
      )
    }
  }

  private func rule(for table: Int, _ sense: Rule.Sense = .holds) -> Rule {
    let test = Rule.Test(table: TableIndex(table), comparison: .entries, sense: sense)
    return Rule(line: 1, source: .any(.holds), destination: .domain(test), outcome: .reject)
  }

  private func rule(from table: Int, _ sense: Rule.Sense = .holds) -> Rule {
    let test = Rule.Test(table: TableIndex(table), comparison: .entries, sense: sense)
    return Rule(line: 1, source: .address(test), destination: .any(.holds), outcome: .reject)
  }

  @Test("of many rules those are looked at that can match, in their order")
  func places() {
    var tagged = rule(for: 3)
    tagged.tag = Rule.Test(table: TableIndex(9), comparison: .entries, sense: .holds)
    let rules = [
      rule(for: 1), rule(for: 2), rule(for: 1, .fails), rule(for: 3), rule(for: 1), tagged,
      rule(for: 4), rule(from: 7), rule(from: 7, .fails), rule(from: 9),
    ]
    let index = RuleIndex(
      rules,
      isAvailable: { table, _ in table.rawValue != 9 },
      isIndexed: { $0.rawValue != 4 }
    )
    #expect(Array(index.places(for: [])) == [2, 5, 6, 8, 9])
    #expect(Array(index.places(for: [1])) == [0, 2, 4, 5, 6, 8, 9])
    #expect(Array(index.places(for: [3, 1])) == [0, 2, 3, 4, 5, 6, 8, 9])
    #expect(Array(index.places(for: [7])) == [2, 5, 6, 7, 8, 9])
    #expect(Array(index.places(for: [6])) == [2, 5, 6, 8, 9])
  }

  @Test("a name, and a pattern whose star ends at a dot, are found by one look")
  func complete() {
    var index = DomainIndex(count: 3)
    index.replace(0, with: DomainIndex.Entries(["a.example", "*.Example"]))
    index.replace(1, with: DomainIndex.Entries(["*.a.example", "a*.example"]))
    #expect(index.isComplete(for: 0) && !index.isComplete(for: 1) && !index.isComplete(for: 2))
    #expect(index.question(about: "A.example").tables == [0])
    #expect(index.question(about: "b.example").tables == [0])
    #expect(index.question(about: "b.a.example").tables == [1])
    #expect(index.question(about: "example").tables == [])
    index.replace(0, with: nil)
    #expect(index.question(about: "a.example").tables == [])
    #expect(!index.isComplete(for: 0))
  }
}
