// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

@Suite("Which notices are owed")
struct NoticePolicyTests {
  private let policy = NoticePolicy(warnIntervals: [.seconds(14_400), .seconds(3600)])

  private static let table: [(NotifyConditions, Bool, Bool, Bool)] = [
    ([], true, true, false), (.never, false, false, false), (.failure, true, false, false),
    (.delay, false, true, false), (.success, false, false, true),
    ([.success, .failure], true, false, true), ([.success, .failure, .delay], true, true, true),
    ([.never, .success, .failure], false, false, false),
  ]

  @Test("NOTIFY decides, and says failure and delay when it is not there", arguments: table)
  func conditions(notify: NotifyConditions, failure: Bool, delay: Bool, success: Bool) {
    var stored = Sample.stored()
    stored.envelope.notify = notify
    #expect(policy.owesFailure(stored) == failure)
    #expect(policy.owesSuccess(stored) == success)
    #expect((self.delay(stored, next: 7200) != nil) == delay)
  }

  @Test("neither the null sender nor a notice gets a notice")
  func nobody() {
    var noSender = Sample.stored()
    noSender.message.sender = nil
    var bounce = Sample.stored()
    bounce.envelope.kind = .bounce(.failed)
    for var stored in [noSender, bounce] {
      stored.envelope.notify = [.success, .failure, .delay]
      #expect(!policy.owesFailure(stored))
      #expect(!policy.owesSuccess(stored))
      #expect(delay(stored, next: 90_000) == nil)
    }
  }

  @Test("a delay is told of once an interval, by the largest that has passed at the next try")
  func intervals() {
    var stored = Sample.stored()
    let created = stored.envelope.created
    #expect(delay(stored, next: 3599) == nil)
    #expect(delay(stored, next: 3600) == .seconds(3600))
    #expect(delay(stored, next: 20_000) == .seconds(14_400))
    stored.envelope.progress.lastNotice = created + .seconds(3600)
    #expect(delay(stored, next: 10_000) == nil)
    #expect(delay(stored, next: 14_400) == .seconds(14_400))
    stored.envelope.progress.lastNotice = created + .seconds(14_400)
    #expect(delay(stored, next: 90_000) == nil)
  }

  @Test("no delay is told of when no further try is made")
  func expiring() {
    let stored = Sample.stored()
    let expiry = stored.envelope.created + .seconds(7200)
    #expect(policy.delay(stored, nextTry: expiry, expiry: expiry) == nil)
    let owed = policy.delay(stored, nextTry: expiry - .seconds(1), expiry: expiry)
    #expect(owed?.bounce == .delayed(after: .seconds(3600), timeToLive: .seconds(7200)))
    #expect(owed?.noticed == stored.envelope.created + .seconds(3600))
  }

  @Test("envelopes of one fate share a notice")
  func groups() {
    var envelopes = (UInt32(1)...4).map { Sample.envelope(Sample.message(), low: $0) }
    let delays = [Int64(60), 120].map {
      Bounce.delayed(after: .seconds($0), timeToLive: .seconds(999))
    }
    envelopes[0].kind = .bounce(delays[0])
    envelopes[1].kind = .bounce(delays[1])
    envelopes[2].kind = .bounce(delays[0])
    let groups = Bounce.groups(of: envelopes)
    #expect(groups.map(\.bounce) == delays)
    #expect(groups.map { $0.envelopes.map(\.id.low) } == [[1, 3], [2]])
  }

  private func delay(_ stored: StoredEnvelope, next seconds: Int64) -> Duration? {
    let created = stored.envelope.created
    let owed = policy.delay(
      stored,
      nextTry: created + .seconds(seconds),
      expiry: created + .seconds(4 * 86_400)
    )
    guard case .delayed(let after, _) = owed?.bounce else { return nil }
    return after
  }
}
