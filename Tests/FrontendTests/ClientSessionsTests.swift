// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Frontend

@Suite("Places of clients")
struct ClientSessionsTests {
  private static let loopbacks: [SourceAddress] = [
    .local, .inet4(0x7f00_0001), .inet4(0x7f00_0002), .inet6(0, 1),
  ]
  private static let remote = SourceAddress.inet4(0xc000_0207)

  @Test(
    "this machine has three quarters of all, by whatever way it comes, and the network the rest"
  )
  func machine() {
    var sessions = ClientSessions(limit: 100, sessionsMax: 1000)
    for number in 0..<750 { #expect(sessions.begin(Self.loopbacks[number % 4]) == .ofMachine) }
    for source in Self.loopbacks { #expect(sessions.begin(source) == nil) }
    for _ in 0..<100 { #expect(sessions.begin(Self.remote) == .ofClient) }
    #expect(sessions.begin(Self.remote) == nil)
    sessions.end(Self.loopbacks[3], at: .ofMachine)
    #expect(sessions.begin(Self.loopbacks[0]) == .ofMachine)
    #expect(sessions.begin(Self.loopbacks[0]) == nil)
  }

  @Test("root has places that nobody else takes, and those alone")
  func root() {
    var sessions = ClientSessions(limit: 100, sessionsMax: 4)
    for _ in 0..<3 { #expect(sessions.begin(.local) == .ofMachine) }
    #expect(sessions.begin(.local) == nil)
    #expect(sessions.beginOfRoot(1000) == nil)
    #expect(sessions.beginOfRoot(nil) == nil)
    for _ in 0..<ClientSessions.rootMax { #expect(sessions.beginOfRoot(0) == .ofRoot) }
    #expect(sessions.beginOfRoot(0) == nil)
    #expect(sessions.ofRoot == ClientSessions.rootMax)
    sessions.end(.local, at: .ofRoot)
    #expect(sessions.begin(.local) == nil)
    #expect(sessions.beginOfRoot(0) == .ofRoot)
  }

  @Test("where there is one place it is this machine's, too")
  func single() {
    var sessions = ClientSessions(limit: 100, sessionsMax: 1)
    #expect(sessions.begin(.local) == .ofMachine)
    #expect(sessions.begin(.local) == nil)
  }
}
