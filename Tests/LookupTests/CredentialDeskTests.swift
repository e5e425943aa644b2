// SPDX-License-Identifier: ISC

import Configuration
import Interprocess
import Mail
import NIOCore
import NIOEmbedded
import Policy
import Testing

@testable import Lookup

/// A desk whose loop turns when the test says so, and whose questions to accounts the test answers.
private final class CredentialDeskRig {
  let loop = EmbeddedEventLoop()
  private let channels: (SupervisorChannel, SupervisorChannel)
  private(set) var desk: CredentialDesk?
  /// What accounts was asked and has not answered.
  private var questions: [UInt64] = []
  /// What the frontend was told, by its tokens.
  private(set) var told: [UInt64: AuthenticationQuestion.Verdict] = [:]

  init() throws {
    channels = try SupervisorChannel.makePair()
    let context = RoleContext(
      role: .lookup,
      identity: RoleIdentity(root: nil, uid: nil, gid: nil, spool: "", owner: 0),
      loop: loop,
      log: Log(on: loop),
      channel: channels.0
    )
    var options = Listener.Options()
    options.authentication.policy = .required
    let projection = LookupProjection(serverName: "mx.example", tables: [], rules: [], actions: [])
    // Each holds the other: a desk lives as long as its process, and its threads count on that.
    desk = CredentialDesk(
      context,
      listeners: [.init(options)],
      ruleset: { Ruleset(projection) },
      ask: { question in
        guard case .authenticate(let token, _, _, _) = question else { return false }
        self.questions.append(token)
        return true
      },
      answer: { _, message in
        guard case .authentication(let token, let verdict) = message else { return }
        self.told[token] = verdict
      }
    )
  }

  /// A client of an address says who it is.
  func check(_ token: UInt64, from address: UInt32 = 1, as user: String = "alice") {
    let question = AuthenticationQuestion(
      token: token,
      listener: 0,
      source: .inet4(address),
      user: user,
      password: Secret(Array("password".utf8))
    )
    desk?.check(question, from: 1)
  }

  /// Accounts answers what it was asked first.
  func answer(_ verdict: AuthenticationQuestion.Verdict) {
    desk?.answered(questions.removeFirst(), verdict)
  }
}

@Suite("Whether clients are who they say")
struct CredentialDeskTests {
  /// How soon a wrong answer leaves, and how late, in milliseconds.
  private let soonest: Int64 = 500
  private let latest: Int64 = 750

  @Test("a wrong password is told half a second after the question, a right one at once")
  func delay() throws {
    let rig = try CredentialDeskRig()
    let before = Clock.rising()
    for token in 1...3 as ClosedRange<UInt64> { rig.check(token) }
    rig.answer(.denied)
    rig.answer(.accepted)
    rig.answer(.failed)
    #expect(rig.told == [2: .accepted, 3: .failed])
    // What the answer itself took is no part of the wait.
    let taken = Clock.rising() - before
    if taken < soonest {
      rig.loop.advanceTime(by: .milliseconds(soonest - taken - 1))
      #expect(rig.told[1] == nil)
    }
    rig.loop.advanceTime(by: .milliseconds(latest + 1))
    #expect(rig.told[1] == .denied)
  }

  @Test(
    "wrong passwords that wait for their answers count as attempts under way, for their address"
  )
  func underWay() throws {
    let rig = try CredentialDeskRig()
    for token in 1...8 as ClosedRange<UInt64> {
      rig.check(token)
      rig.answer(.denied)
    }
    rig.check(9)
    #expect(rig.told == [9: .failed])
    rig.check(10, from: 2)
    rig.answer(.accepted)
    #expect(rig.told[10] == .accepted)
    rig.loop.advanceTime(by: .milliseconds(latest + 1))
    #expect(rig.told.values.count { $0 == .denied } == 8)
    rig.check(11)
    rig.answer(.accepted)
    #expect(rig.told[11] == .accepted)
  }

  @Test("an address with too many wrong passwords is told at once, and nobody is asked")
  func barred() throws {
    let rig = try CredentialDeskRig()
    for token in 1...20 as ClosedRange<UInt64> {
      rig.check(token)
      rig.answer(.denied)
      rig.loop.advanceTime(by: .milliseconds(latest + 1))
      #expect(rig.told[token] == .denied, "\(token)")
    }
    rig.check(21)
    #expect(rig.told[21] == .barred)
  }

  @Test("nobody on the loopback keeps the others of it from being looked at")
  func loopback() throws {
    let rig = try CredentialDeskRig()
    func failing(_ token: UInt64) {
      rig.check(token, from: 0x7f00_0001)
      rig.answer(.denied)
    }
    for token in 1...20 as ClosedRange<UInt64> { failing(token) }
    rig.check(21, from: 0x7f00_0001)
    #expect(rig.told == [21: .barred])
    // A webmail's users at the same time, and no more of them than leave room for the network.
    for token in 100..<144 as Range<UInt64> {
      rig.check(token, from: 0x7f00_0001 + UInt32(token % 2), as: "user\(token)")
    }
    #expect(rig.told.count == 1)
    rig.check(144, from: 0x7f00_0003, as: "bob")
    #expect(rig.told[144] == .failed)
    rig.check(145, from: 5, as: "bob")
    #expect(rig.told[145] == nil)
    for _ in 100..<144 { rig.answer(.accepted) }
    rig.check(146, from: 0x7f00_0001, as: "bob")
    rig.answer(.accepted)
    #expect(rig.told.values.count { $0 == .accepted } == 45)
  }

  @Test("whoever guesses over loopback under many names slows it down, and bars nobody")
  func manyNames() throws {
    let rig = try CredentialDeskRig()
    var token: UInt64 = 0
    func failing() {
      token += 1
      rig.check(token, from: 0x7f00_0001, as: "user\(token)")
      rig.answer(.denied)
    }
    func pass(_ milliseconds: Int64) { rig.loop.advanceTime(by: .milliseconds(milliseconds)) }
    for _ in 0..<16 {
      for _ in 0..<60 { failing() }
      pass(latest + 1)
    }
    #expect(rig.told.count == 960)
    // Some are forgiven meanwhile.
    repeat {
      failing()
      pass(latest + 1)
    } while rig.told[token] != nil && token < 1200
    #expect(1000..<1200 ~= token)
    pass(3000)
    #expect(rig.told[token] == .denied)
    for _ in 0..<8 { failing() }
    rig.check(5000, from: 0x7f00_0001, as: "bob")
    rig.answer(.accepted)
    #expect(rig.told[5000] == .accepted)
    rig.check(5001, from: 5, as: "bob")
    rig.answer(.accepted)
    #expect(rig.told[5001] == .accepted)
    pass(3000 + latest)
    #expect(rig.told[token] == .denied)
    rig.check(5002, from: 0x7f00_0001, as: "bob")
    rig.answer(.accepted)
    #expect(rig.told[5002] == .accepted)
  }
}
