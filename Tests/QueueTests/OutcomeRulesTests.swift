// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Queue

@Suite("Outcome rules")
struct OutcomeRulesTests {
  private static let now = Instant(milliseconds: 1_000_000)
  private static let expiry = Instant(milliseconds: 2_000_000)
  private static let rules = OutcomeRules(warnIntervals: [.seconds(100)])

  private static func stored(
    _ notify: NotifyConditions = [],
    sender: Address? = Address(local: "s", domain: "example.org"),
    kind: Envelope.Kind = .relay
  ) throws -> StoredEnvelope {
    let address = Address(local: "u", domain: "example.org")
    let id = try #require(MessageID(1))
    var envelope = Envelope(
      id: try #require(EnvelopeID(message: id, low: 1)),
      kind: kind,
      action: "out",
      recipient: address,
      destination: address,
      created: .epoch
    )
    envelope.notify = notify
    let facts = SessionFacts(
      id: SessionID(1),
      source: .local,
      serverName: "",
      helo: "",
      hostname: ""
    )
    return StoredEnvelope(
      message: Message(id: id, sender: sender, created: .epoch, size: 1, session: facts),
      envelope: envelope
    )
  }

  private static func word(_ decision: OutcomeRules.Decision) -> String {
    switch decision {
    case .gone: "gone"
    case .retry: "retry"
    case .hold(let key): "hold \(key)"
    case .bounce(.becameBounce(.failed, _, _, _, _, _)): "failed"
    case .bounce(.becameBounce(.delivered, _, _, _, _, _)): "delivered"
    case .bounce: "?"
    }
  }

  struct Row: Sendable {
    let result: DeliveryReport.Result
    let notify: NotifyConditions
    let expected: String

    init(_ result: DeliveryReport.Result, _ notify: NotifyConditions, _ expected: String) {
      self.result = result
      self.notify = notify
      self.expected = expected
    }
  }

  @Test(
    "an outcome and what the sender asked for decide",
    arguments: [
      Row(.delivered, [], "gone"), Row(.delivered, [.success], "delivered"),
      Row(.delivered, [.failure], "gone"), Row(.delivered, [.never], "gone"),
      Row(.permanent, [], "failed"), Row(.permanent, [.never], "gone"),
      Row(.permanent, [.success], "gone"), Row(.permanent, [.failure], "failed"),
      Row(.loop, [], "failed"), Row(.temporary, [], "retry"),
      Row(.held, [], "hold 0"),
    ]
  )
  func table(row: Row) throws {
    let decision = Self.rules.decide(
      DeliveryReport(row.result, text: "so"),
      for: try Self.stored(row.notify),
      expiry: Self.expiry,
      at: Self.now
    )
    #expect(Self.word(decision) == row.expected)
  }

  @Test("a failure past the envelope's time is its end")
  func expired() throws {
    let decision = Self.rules.decide(
      DeliveryReport(.temporary, text: "later"),
      for: try Self.stored(),
      expiry: Self.now,
      at: Self.now
    )
    #expect(Self.word(decision) == "failed")
    guard case .bounce(let update) = decision else { return }
    var envelope = try Self.stored().envelope
    envelope.apply(update)
    #expect(envelope.progress.lastError == "Envelope expired; last error: later")
    #expect(envelope.progress.lastTry == Self.now)
  }

  @Test(
    "what expires without a try says when it was last tried, and a notice's own tries do not change that"
  )
  func expiredUntried() throws {
    var stored = try Self.stored()
    stored.envelope.apply(.deferred(at: Instant(seconds: 7), status: nil, error: "busy"))
    guard case .bounce(let update) = Self.rules.expired(stored, at: Self.now) else {
      Issue.record("no notice")
      return
    }
    stored.envelope.apply(update)
    stored.envelope.apply(.deferred(at: Self.now, status: nil, error: "no lookup"))
    #expect(stored.envelope.progress.lastTry == Instant(seconds: 7))
    stored = try Self.stored()
    guard case .bounce(let first) = Self.rules.expired(stored, at: Self.now) else { return }
    stored.envelope.apply(first)
    #expect(stored.envelope.progress.lastError == "Envelope expired")
    #expect(stored.envelope.progress.lastTry == nil)
  }

  @Test("nobody is told of a notice, and nobody has no notices")
  func silence() throws {
    let report = DeliveryReport(.permanent, text: "no")
    for stored in [try Self.stored(kind: .bounce(.failed)), try Self.stored(sender: nil)] {
      let decision = Self.rules.decide(report, for: stored, expiry: Self.expiry, at: Self.now)
      #expect(decision == .gone)
    }
  }

  @Test("success that the next host tells of is not told twice")
  func nextHost() throws {
    var report = DeliveryReport(.delivered, text: "ok")
    report.successNotice = .nextHost
    let decision = Self.rules.decide(
      report,
      for: try Self.stored([.success]),
      expiry: Self.expiry,
      at: Self.now
    )
    #expect(decision == .gone)
  }

  @Test("who said the last error is kept with it, and with it alone")
  func peer() throws {
    var stored = try Self.stored()
    var busy = DeliveryReport(.temporary, text: "450 busy")
    busy.peer = "mx1.example.com"
    guard
      case .retry(let first) = Self.rules.decide(
        busy,
        for: stored,
        expiry: Self.expiry,
        at: Self.now
      )
    else {
      Issue.record("no retry")
      return
    }
    stored.envelope.apply(first)
    #expect(stored.envelope.progress.lastPeer == "mx1.example.com")
    guard case .bounce(let expired) = Self.rules.expired(stored, at: Self.now) else {
      Issue.record("no notice")
      return
    }
    var notice = stored.envelope
    notice.apply(expired)
    #expect(notice.progress.lastPeer == "mx1.example.com")
    // The next failure is nobody else's.
    stored.envelope.apply(.deferred(at: Self.now, status: nil, error: "no route"))
    #expect(stored.envelope.progress.lastPeer.isEmpty)
    for (name, kept) in [("mx 1", ""), ("mx\n", ""), (String(repeating: "x", count: 255), "x")] {
      #expect(Envelope.peerName(name).first.map { String($0) } ?? "" == kept)
    }
    #expect(Envelope.peerName(String(repeating: "x", count: 256)).isEmpty)
  }
}
