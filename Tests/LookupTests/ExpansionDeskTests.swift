// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Policy
import Testing

@testable import Lookup

/// A desk whose turns are the test's to give, and whose questions are the test's to answer.
private final class DeskRig {
  private var due: [() -> Void] = []
  /// What was asked and not answered, by token.
  private(set) var questions: [UInt64: ExpansionQuestion] = [:]
  var hasAccounts = true
  /// Sessions for which nobody waits any longer.
  var gone: Set<UInt64> = []
  /// Whether envelopes are measured before they are sent.
  var measures = false
  /// Who was told what, in order.
  private(set) var told: [String] = []
  private let ruleset: Ruleset
  private(set) lazy var desk = ExpansionDesk(
    ruleset: ruleset,
    ask: { [unowned self] token, question in
      guard hasAccounts else { return false }
      questions[token] = question
      return true
    },
    schedule: { [unowned self] _, body in due.append(body) }
  )

  /// - Parameter members: what `all` stands for; other names are users.
  init(members: String) {
    let table = TableDeclaration(
      name: "names",
      content: .map([TableDeclaration.Pair(key: "all", value: members)])
    )
    var local = LookupProjection.Action(name: "in", kind: .local)
    local.aliases = .alias(TableIndex(0))
    let far = TableDeclaration(name: "far", content: .list(["far.example"]))
    let isFar = Rule.Test(table: TableIndex(1), comparison: .entries, sense: .holds)
    let rules = [
      Rule(line: 1, source: .any(.holds), destination: .domain(isFar), outcome: .action(1)),
      Rule(line: 2, source: .any(.holds), destination: .any(.holds), outcome: .action(0)),
    ]
    ruleset = Ruleset(
      LookupProjection(
        serverName: "mx.example",
        tables: [table, far],
        rules: rules,
        actions: [local, LookupProjection.Action(name: "out", kind: .relay)]
      )
    )
  }

  /// One RCPT of a session of a client.
  func ask(_ recipient: String, client: UInt32, session: UInt64, as name: String) {
    let parts = recipient.split(separator: "@")
    let subject = RuleSubject(
      session: SessionFacts(
        id: SessionID(session),
        source: .inet4(client),
        serverName: "mx.example",
        helo: "c",
        hostname: "c"
      ),
      sender: nil,
      destination: Address(local: String(parts[0]), domain: String(parts[1]))
    )
    desk.begin(
      subject,
      ExpansionDesk.Asker(
        session: DeskRig.session(client, session),
        isWaiting: { [unowned self] in !gone.contains(session) },
        finished: { [unowned self] _, outcome in
          switch outcome {
          case .refused(let reply): told.append("\(name) \(reply.code)")
          case .accepted(let drafts):
            var left = drafts.count
            var unmeasured = measures ? drafts.count : 0
            return { [unowned self] in
              if unmeasured > ExpansionLimits.slice {
                unmeasured -= ExpansionLimits.slice
                return .prepared
              }
              left -= min(left, ExpansionLimits.slice)
              if left == 0 { told.append("\(name) \(drafts.count)") }
              return left > 0 ? .sent : .over
            }
          }
          return nil
        }
      )
    )
  }

  static func session(_ client: UInt32, _ session: UInt64) -> ExpansionTurns.Session {
    ExpansionTurns.Session(ExpansionTurns.Client(at: .inet4(client)), edge: 1, number: session)
  }

  /// Gives one turn. False when none is wanted.
  func turn() -> Bool {
    guard !due.isEmpty else { return false }
    due.removeFirst()()
    return true
  }

  /// Gives turns, and answers, until there are none left. Returns how many turns there were.
  @discardableResult
  func settle() -> Int {
    var turns = 0
    while true {
      while turn() { turns += 1 }
      guard let token = questions.keys.min() else { return turns }
      answer(token)
    }
  }

  func answer(_ token: UInt64) {
    guard let question = questions.removeValue(forKey: token) else { return }
    if case .include = question {
      return desk.answered(token, .include(Array("a@far.example, b@far.example".utf8), .other))
    }
    let account = Account(user: 1000, group: 1000, home: "/home/user")
    desk.answered(token, .account(account, .none))
  }
}

@Suite("The expansions under way") struct ExpansionDeskTests {
  private static func far(_ count: Int) -> String {
    (0..<count).map { "u\($0)@far.example" }.joined(separator: ", ")
  }

  @Test("recipients of a long alias, however many, do not make another client wait")
  func fair() {
    let rig = DeskRig(members: Self.far(1000))
    for number in 0..<20 { rig.ask("all@in.example", client: 1, session: 1, as: "long\(number)") }
    #expect(rig.turn())
    rig.ask("u@far.example", client: 2, session: 2, as: "short")
    #expect(rig.told.isEmpty)
    #expect(rig.turn())
    #expect(rig.told == ["short 1"])
    #expect(rig.desk.count == 20)
    rig.settle()
    #expect(rig.told == ["short 1"] + (0..<20).map { "long\($0) 1000" })
    #expect(rig.desk.count == 0)
  }

  @Test("questions of one client leave room for another's, and all are answered once")
  func questions() {
    let users = (0..<300).map { "user\($0)" }.joined(separator: ", ")
    let rig = DeskRig(members: users)
    for number in 0..<50 { rig.ask("all@in.example", client: 1, session: 1, as: "long\(number)") }
    while rig.turn() {}
    #expect(rig.questions.count < 200)
    rig.ask("joe@in.example", client: 2, session: 2, as: "short")
    while rig.turn() {}
    let last = rig.questions.max { $0.key < $1.key }
    #expect(last?.value == .account("joe", .wanted))
    if let last { rig.answer(last.key) }
    while rig.turn() {}
    #expect(rig.told == ["short 1"])
    rig.settle()
    #expect(rig.told.sorted() == (["short 1"] + (0..<50).map { "long\($0) 300" }).sorted())
    #expect(rig.desk.count == 0)
  }

  @Test("a session that ends has its answers at once, and its work is over")
  func ended() {
    let rig = DeskRig(members: Self.far(3000))
    for number in 0..<10 { rig.ask("all@in.example", client: 1, session: 1, as: "long\(number)") }
    rig.ask("all@in.example", client: 1, session: 2, as: "other")
    #expect(rig.turn())
    rig.desk.end(DeskRig.session(1, 1))
    #expect(rig.told == (0..<10).map { "long\($0) 451" })
    #expect(rig.desk.count == 1)
    rig.settle()
    #expect(rig.told.last == "other 3000")
    #expect(rig.told.count == 11)
  }

  @Test("what is sent already when its session ends goes on to its end")
  func sending() {
    let rig = DeskRig(members: Self.far(2000))
    rig.ask("all@in.example", client: 1, session: 1, as: "long")
    // Up to the first envelopes: 4,002 steps.
    for _ in 0..<17 { #expect(rig.turn()) }
    rig.desk.end(DeskRig.session(1, 1))
    #expect(rig.told.isEmpty)
    rig.settle()
    #expect(rig.told == ["long 2000"])
    #expect(rig.desk.count == 0)
  }

  @Test("what is no more than measured when its session ends is refused")
  func measuring() {
    let rig = DeskRig(members: Self.far(2000))
    rig.measures = true
    rig.ask("all@in.example", client: 1, session: 1, as: "long")
    // As above.
    for _ in 0..<17 { #expect(rig.turn()) }
    rig.desk.end(DeskRig.session(1, 1))
    #expect(rig.told == ["long 451"])
    rig.settle()
    #expect(rig.told == ["long 451"])
    #expect(rig.desk.count == 0)
  }

  @Test("nothing is worked on for an asker that is gone")
  func gone() {
    let rig = DeskRig(members: Self.far(3000))
    for number in 0..<10 { rig.ask("all@in.example", client: 1, session: 1, as: "long\(number)") }
    #expect(rig.turn())
    rig.gone = [1]
    #expect(rig.settle() == 1)
    #expect(rig.desk.count == 0)
  }

  @Test("beyond what one client may have under way the answer is temporary, and others are served")
  func tooMany() {
    let rig = DeskRig(members: Self.far(2))
    for number in 0..<10_001 {
      rig.ask("u@far.example", client: 1, session: UInt64(number % 200), as: "\(number)")
    }
    #expect(rig.told == ["10000 451"])
    rig.ask("u@far.example", client: 2, session: 1000, as: "other")
    #expect(rig.turn())
    #expect(rig.told.contains("other 1"))
    rig.settle()
    #expect(rig.told.count == 10_002)
    #expect(Set(rig.told).count == 10_002)
  }

  @Test("without accounts a user is refused for now, and addresses are not")
  func noAccounts() {
    let rig = DeskRig(members: Self.far(2))
    rig.hasAccounts = false
    rig.ask("joe@in.example", client: 1, session: 1, as: "joe")
    rig.ask("all@in.example", client: 1, session: 1, as: "all")
    rig.settle()
    #expect(rig.told.sorted() == ["all 2", "joe 451"])
    #expect(rig.desk.count == 0)
  }

  @Test("a list is asked for once there is room: four of one client, and another's beside them")
  func lists() {
    let rig = DeskRig(members: ":include:/list")
    for session in UInt64(0)..<20 {
      rig.ask("all@in.example", client: 1, session: session, as: "\(session)")
    }
    while rig.turn() {}
    #expect(rig.questions.count == 4)
    rig.ask("all@in.example", client: 2, session: 100, as: "other")
    while rig.turn() {}
    #expect(rig.questions.count == 5)
    for _ in 0..<16 {
      if let first = rig.questions.keys.min() { rig.answer(first) }
      while rig.turn() {}
      #expect(rig.questions.count == (rig.told.contains("other 2") ? 4 : 5))
    }
    rig.settle()
    #expect(rig.told.sorted() == (["other 2"] + (0..<20).map { "\($0) 2" }).sorted())
    #expect(rig.desk.count == 0)
  }

  @Test("of all clients together 64 lists are asked for, and a session that ends makes room")
  func listsOfAll() {
    let rig = DeskRig(members: ":include:/list, joe")
    for client in UInt32(1)...70 {
      rig.ask("all@in.example", client: client, session: UInt64(client), as: "\(client)")
    }
    while rig.turn() {}
    func lists() -> Int { rig.questions.values.filter { $0 == .include("/list") }.count }
    #expect(lists() == 64)
    // What else they ask does not wait.
    #expect(rig.questions.count == 64 + 70)
    rig.desk.end(DeskRig.session(1, 1))
    while rig.turn() {}
    #expect(rig.questions.count == 65 + 70)
    rig.settle()
    #expect(rig.told.sorted() == (["1 451"] + (2...70).map { "\($0) 3" }).sorted())
    #expect(rig.desk.count == 0)
  }

  @Test("answers of a session that has ended change nothing")
  func late() {
    let rig = DeskRig(members: "joe, jim")
    rig.ask("all@in.example", client: 1, session: 1, as: "all")
    while rig.turn() {}
    #expect(rig.questions.count == 2)
    rig.desk.end(DeskRig.session(1, 1))
    rig.settle()
    #expect(rig.told == ["all 451"])
    #expect(rig.desk.count == 0)
  }
}
