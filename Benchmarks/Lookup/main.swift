// SPDX-License-Identifier: ISC

import Configuration
import Glibc
import Mail
import Policy

/// How fast recipients are decided and expanded: by the ruleset alone, one thread, everything asked answered
/// at once; and by the role, over its edges.
struct LookupBenchmark {
  private var measurements = Measurements()

  /// Whether all was within its bounds.
  static func main() throws -> Bool {
    var benchmark = LookupBenchmark()
    for criterion in Criterion.allCases { try benchmark.decisions(rules: 1000, by: criterion) }
    try benchmark.decisions(rules: 10, by: .domains)
    try benchmark.roleDecisions(rules: 1000, by: .domains)
    try benchmark.roleDecisions(rules: 1000, by: .recipients)
    benchmark.expansion(entries: 10_000)
    try benchmark.load(lines: 100_000)
    for failure in benchmark.measurements.failures { print("too slow: \(failure)") }
    return benchmark.measurements.failures.isEmpty
  }

  /// What the tables of rules are of.
  private enum Criterion: String, CaseIterable {
    case domains
    case sources
    case senders
    case recipients
  }

  /// A table of its own for each rule; what they are asked for is of all of them in turn.
  private static func projection(rules count: Int, by criterion: Criterion) -> LookupProjection {
    let tables = (0..<count).map { rule in
      TableDeclaration(
        name: "t\(rule)",
        content: .list(
          (0..<20).map {
            switch criterion {
            case .domains: "d\($0).r\(rule).example"
            case .sources: "10.\(rule / 250).\(rule % 250).\($0 * 8)/29"
            case .senders, .recipients: "user\($0)@r\(rule).example"
            }
          }.sorted()
        )
      )
    }
    let action = LookupProjection.Action(name: "out", kind: .relay)
    let rules = (0..<count).map { rule in
      let test = Rule.Test(table: TableIndex(rule), comparison: .entries, sense: .holds)
      var found = Rule(
        line: rule + 1,
        source: criterion == .sources ? .address(test) : .any(.holds),
        destination: criterion == .domains ? .domain(test) : .any(.holds),
        outcome: .action(0)
      )
      if criterion == .senders { found.sender = test }
      if criterion == .recipients { found.recipient = test }
      return found
    }
    return LookupProjection(
      serverName: "mx.example",
      tables: tables,
      rules: rules,
      actions: [action]
    )
  }

  private static func subjects(rules count: Int, by criterion: Criterion) -> [RuleSubject] {
    (0..<count).map { rule in
      let address = Address(local: "User7+tag", domain: "R\(rule).example")
      return subject(
        to: criterion == .recipients
          ? address : Address(local: "user", domain: "d7.r\(rule).example"),
        from: criterion == .senders ? address : Address(local: "a", domain: "b.example"),
        source: .inet4(0x0a00_0039 + UInt32(rule / 250) << 16 + UInt32(rule % 250) << 8)
      )
    }
  }

  private mutating func decisions(rules count: Int, by criterion: Criterion) throws {
    let ruleset = Ruleset(Self.projection(rules: count, by: criterion))
    let subjects = Self.subjects(rules: count, by: criterion)
    let total = 200_000
    var accepted = 0
    let name = "decisions with \(count) rules by \(criterion)"
    measurements.measure(name, total, atLeast: Bounds.decisions) {
      for number in 0..<total {
        var expansion = Expansion(subjects[number % count])
        if case .finish(.accepted)? = expansion.begin(with: ruleset).first { accepted += 1 }
      }
    }
    precondition(accepted == total)
    guard criterion == .domains else { return }
    let turns = "the same in turns of 500 clients with two sessions each"
    measurements.measure(turns, total, atLeast: Bounds.decisions) {
      accepted -= Self.inTurns(total, subjects, ruleset)
    }
    precondition(accepted == 0)
  }

  /// The same by the role: from the frontend's question to its verdict, the queue's envelopes included.
  private mutating func roleDecisions(rules count: Int, by criterion: Criterion) throws {
    let recipients = Self.subjects(rules: count, by: criterion).map(\.destination)
    let run = RoleRun(Self.projection(rules: count, by: criterion), recipients)
    let total = 200_000
    let times = try run.decide(total)
    let name = "decisions of the role with \(count) rules by \(criterion)"
    measurements.record("\(name), of a core", total, times.role, atLeast: Bounds.decisions)
    measurements.record("\(name), with both other ends", total, times.all)
  }

  /// As many recipients as come, 1,000 of which wait at a time. Returns how many were accepted.
  private static func inTurns(
    _ total: Int,
    _ subjects: [RuleSubject],
    _ ruleset: Ruleset
  ) -> Int {
    var turns = ExpansionTurns(ExpansionTurns.Limits(patience: 1))
    var accepted = 0
    for number in 0..<total {
      let session = ExpansionTurns.Session(
        ExpansionTurns.Client(at: .inet4(UInt32(number % 500))),
        edge: 1,
        number: UInt64(number % 1000)
      )
      precondition(turns.add(UInt64(number), of: session, at: 0))
      guard number % 1000 == 999 else { continue }
      while let turn = turns.next(at: 0) {
        var expansion = Expansion(subjects[Int(turn.number) % subjects.count])
        if case .finish(.accepted)? = expansion.begin(with: ruleset).first { accepted += 1 }
        turns.end(turn.number)
        turns.used(expansion.effort)
      }
    }
    return accepted
  }

  /// An alias of that many users.
  private mutating func expansion(entries: Int) {
    let value = (0..<entries).map { "user\($0)" }.joined(separator: ", ")
    let table = TableDeclaration(
      name: "aliases",
      content: .map([TableDeclaration.Pair(key: "all", value: value)])
    )
    var action = LookupProjection.Action(name: "in", kind: .local)
    action.aliases = .alias(TableIndex(0))
    let rule = Rule(line: 1, source: .any(.holds), destination: .any(.holds), outcome: .action(0))
    let ruleset = Ruleset(
      LookupProjection(
        serverName: "mx.example",
        tables: [table],
        rules: [rule],
        actions: [action]
      )
    )
    let turns = 10
    measurements.measure("expansion to \(entries) users", turns * entries) {
      for _ in 0..<turns { Self.expand(ruleset, entries) }
    }
  }

  private static func expand(_ ruleset: Ruleset, _ entries: Int) {
    let account = Account(user: 1000, group: 1000, home: "/home/user")
    var expansion = Expansion(subject(to: Address(local: "all", domain: "mx.example")))
    var actions = expansion.begin(with: ruleset)
    while let action = actions.popLast() {
      switch action {
      case .proceed: actions += expansion.proceed(with: ruleset)
      case .ask(let number, _):
        actions += expansion.answered(number, .account(account, .none), with: ruleset)
      case .finish(.accepted(let drafts)):
        precondition(drafts.count == entries)
        return
      case .finish(.refused(let reply)): preconditionFailure("\(reply)")
      }
    }
  }

  private mutating func load(lines: Int) throws {
    var text: [UInt8] = []
    for line in 0..<lines {
      text += Array("user\(line)@example\(line % 100).org: target\(line)\n".utf8)
    }
    let action = LookupProjection.Action(name: "in", kind: .local)
    var aliased = action
    aliased.aliases = .virtual(TableIndex(0))
    let rule = Rule(line: 1, source: .any(.holds), destination: .any(.holds), outcome: .action(0))
    var ruleset = Ruleset(
      LookupProjection(
        serverName: "mx.example",
        tables: [TableDeclaration(name: "v", content: .file("/v"))],
        rules: [rule],
        actions: [aliased]
      )
    )
    try measurements.measure("lines of a table read and made ready", lines, within: Bounds.load) {
      let contents = try TableContents(parsing: text)
      try ruleset.replace(TableIndex(0), with: .contents(contents))
    }
  }

  private static func subject(
    to recipient: Address,
    from sender: Address = Address(local: "a", domain: "b.example"),
    source: SourceAddress = .inet4(0xc000_0201)
  ) -> RuleSubject {
    RuleSubject(
      session: SessionFacts(
        id: SessionID(1),
        source: source,
        serverName: "mx.example",
        helo: "client.example",
        hostname: "client.example",
        user: nil,
        tag: ""
      ),
      sender: sender,
      destination: recipient
    )
  }
}

exit(try LookupBenchmark.main() ? 0 : 1)
