// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

@Suite("Queries")
struct QueryTests {
  static let hits = [
    "all", "0a1b2c3d", "0a1b2c3d00000001", "id=0A1B2C3D", "sender=alice@example.org",
    "sender=ALICE@Example.ORG", "sender=@example.org", "sender=alice", "sender~lice@ex",
    "recipient=bob@example.net", "recipient=bob@mail.example.net", "recipient=<bob@example.net>",
    "domain=mail.example.net", "domain~EXAMPLE", "action=out", "state=pending", "age>1h",
    "age<1d", "age>=2h", "age<=7200", "age=1h60m", "retry>=3", "retry=3", "retry!=4",
    "error~timeout", "error!=x", "error!~refused", "size>1M", "size<2G", "size=2000000",
    "tag=submission", "user=alice", "kind=mta", "not domain=x", "! domain=x", "!domain=x",
    "domain!=x", "not not all", "all and all", "action=in or action=out",
    "( action=in or action=out ) retry=3", "action=in retry=3 or action=out",
    "deadbeef 0a1b2c3d", "sender!=<>", "not deadbeef cafecafe", "not ( state=held )",
  ]

  static let misses = [
    "not all", "deadbeef", "0a1b2c3d00000002", "sender=<>", "sender=", "sender=bob@example.org",
    "sender=alice@example", "recipient=alice", "domain=example.net", "action=ou", "state=held",
    "state=scheduled", "age>2h", "retry>3", "error=timeout", "error~Timed", "size>2M",
    "kind=bounce", "action=out action=in", "action=in or action=by", "not 0a1b2c3d deadbeef",
  ]

  @Test("words that mean the sample envelope", arguments: hits)
  func matching(text: String) throws {
    let query = try Query(parsing: words(text))
    #expect(query.matches(Sample.stored(), .pending, at: Sample.now))
    #expect(query.preview(Sample.stored().envelope.id, .pending) != false)
  }

  @Test("words that do not", arguments: misses)
  func differing(text: String) throws {
    let query = try Query(parsing: words(text))
    #expect(!query.matches(Sample.stored(), .pending, at: Sample.now))
    #expect(query.preview(Sample.stored().envelope.id, .pending) != true)
  }

  @Test("a scheduled envelope is pending, too, and one may be suspended wherever it is")
  func states() throws {
    var stored = Sample.stored()
    let pending = try Query(parsing: ["state=pending"])
    #expect(pending.matches(stored, .scheduled, at: Sample.now))
    #expect(!pending.matches(stored, .inflight, at: Sample.now))
    stored.envelope.progress.suspension = .operatorPause
    let suspended = try Query(parsing: ["state=suspended"])
    #expect(suspended.matches(stored, .inflight, at: Sample.now))
    #expect(suspended.preview(stored.envelope.id, .inflight) == nil)
    #expect(suspended.preview(stored.envelope.id, .suspended) == true)
  }

  @Test("the null sender is nobody's address")
  func nullSender() throws {
    var stored = Sample.stored()
    stored.message.sender = nil
    for text in ["sender=<>", "sender=", "sender=@", "sender!=alice"] {
      #expect(try Query(parsing: [text]).matches(stored, .held, at: Sample.now), "\(text)")
    }
    #expect(try !Query(parsing: ["sender~a"]).matches(stored, .held, at: Sample.now))
  }

  @Test(
    "mistakes name the word, the place in it and what was expected",
    arguments: [
      ("", QueryError.Problem.empty, 0, 0), ("foo", .unknownWord, 0, 0),
      ("foo=bar", .unknownField, 0, 0), ("all state<held", .operatorNotAllowed, 1, 5),
      ("age>soon", .badValue, 0, 4), ("size>1X", .badValue, 0, 5), ("retry=-1", .badValue, 0, 6),
      ("not", .missingOperand, 1, 0), ("all or", .missingOperand, 2, 0),
      ("or all", .missingOperand, 0, 0), ("all and or", .missingOperand, 2, 0),
      ("( all", .unclosedParenthesis, 2, 0), ("all )", .unexpectedParenthesis, 1, 0),
      ("( )", .unexpectedParenthesis, 1, 0), ("!state>held", .operatorNotAllowed, 0, 6),
      ("state=asleep", .badValue, 0, 6), ("recipient=<>", .badValue, 0, 10),
      ("0a1b2c3", .unknownWord, 0, 0), ("00000000", .unknownWord, 0, 0),
      ("age>99999999999999999999d", .badValue, 0, 4), ("age>9999999999999999d", .badValue, 0, 4),
      ("size>9999999999999G", .badValue, 0, 5), ("domain=", .badValue, 0, 7),
    ]
  )
  func mistakes(text: String, problem: QueryError.Problem, word: Int, offset: Int) {
    let words = words(text)
    let error = #expect(throws: QueryError.self) { try Query(parsing: words) }
    #expect(error?.problem == problem)
    #expect(error?.word == word)
    #expect(error?.offset == offset)
    #expect(error?.expected.isEmpty == false)
  }

  @Test("a mistake can be pointed at")
  func pointing() {
    let words = ["all", "state=asleep"]
    let error = #expect(throws: QueryError.self) { try Query(parsing: words) }
    #expect(error?.pointing(at: words) == "all state=asleep\n          ^")
    #expect(
      error?.description
        == "word 2, \"state=asleep\": not a value of this field; expected one of pending, "
        + "scheduled, inflight, held, suspended, expired, orphaned, offline"
    )
  }

  @Test("limits hold at the limit and break one past it")
  func limits() throws {
    var limits = Query.Limits()
    limits.words = 4
    limits.word = 6
    limits.depth = 3
    for words in [["all", "all", "all", "all"], ["size=1"], ["!", "!", "all"]] {
      _ = try Query(parsing: words, limits: limits)
    }
    let bad: [([String], QueryError.Problem)] = [
      (["all", "all", "all", "all", "all"], .tooManyWords), (["size=10"], .tooLong),
      (["!", "!", "!", "all"], .tooDeep), (["!!!all"], .tooDeep),
    ]
    for (words, problem) in bad {
      let error = #expect(throws: QueryError.self) {
        try Query(parsing: words, limits: limits)
      }
      #expect(error?.problem == problem)
    }
  }

  @Test("queries about identifiers need no walk")
  func scope() throws {
    func scope(_ text: String) throws -> Query.Scope { try Query(parsing: words(text)).scope }
    let one = Sample.stored().envelope.id
    let message = one.message
    #expect(try scope("all") == .everything)
    #expect(try scope("state=held") == .everything)
    #expect(try scope("not 0a1b2c3d") == .everything)
    #expect(try scope("0a1b2c3d or all") == .everything)
    #expect(try scope("0a1b2c3d00000001") == .only(messages: [], envelopes: [one]))
    #expect(try scope("state=held 0a1b2c3d") == .only(messages: [message], envelopes: []))
    #expect(
      try scope("0a1b2c3d 0a1b2c3d00000001 0a1b2c3d") == .only(messages: [message], envelopes: [])
    )
    #expect(
      try scope("0a1b2c3d and 0a1b2c3d00000001") == .only(messages: [], envelopes: [one])
    )
    #expect(Query(one).scope == .only(messages: [], envelopes: [one]))
    #expect(Query.all.scope == .everything)
  }

  @Test("random words never trap, and what parses can be asked", arguments: UInt64(1)...4)
  func noise(seed: UInt64) {
    let pieces = [
      "not", "!", "(", ")", "or", "and", "all", "0a1b2c3d", "age>1h", "state=held", "sender=<>", "",
      "size>", "=", "!=", "error~", "\u{0}", "é=1", "id=", "retry<99999999999999999999",
      "age>1\u{0660}h",
    ]
    var state = seed
    for _ in 0..<3000 {
      var words: [String] = []
      state = state &* 6_364_136_223_846_793_005 &+ 1
      for _ in 0..<Int(state >> 40) % 9 {
        state = state &* 6_364_136_223_846_793_005 &+ 1
        words.append(pieces[Int(state >> 40) % pieces.count])
      }
      guard let query = try? Query(parsing: words) else { continue }
      let answer = query.matches(Sample.stored(), .held, at: Sample.now)
      if let known = query.preview(Sample.stored().envelope.id, .held) { #expect(known == answer) }
      if case .only(let messages, let envelopes) = query.scope, answer {
        let id = Sample.stored().envelope.id
        #expect(messages.contains(id.message) || envelopes.contains(id))
      }
    }
  }

  private func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
