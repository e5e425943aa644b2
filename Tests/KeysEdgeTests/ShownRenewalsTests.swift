// SPDX-License-Identifier: ISC

import Interprocess
import KeysEdge
import Mail
import TLS
import Testing

@Suite("What roles show of renewals")
struct ShownRenewalsTests {
  private let now = Instant(seconds: 1000)
  private let handshake = Duration.seconds(120)

  private func names(_ settled: [(role: Role, generation: UInt32)]) -> [String] {
    settled.map { "\($0.role.rawValue) \($0.generation)" }
  }

  @Test(
    "a role is over with what was before a renewal two minutes after it showed it, and not before"
  )
  func over() {
    var shown = ShownRenewals()
    #expect(shown.shows(2, .frontend, latest: 3, at: now) == now + handshake)
    #expect(shown.shows(2, .delivery, latest: 3, at: now + .seconds(7)) == now + .seconds(127))
    #expect(shown.shows(3, .frontend, latest: 3, at: now + .seconds(9)) == now + .seconds(129))
    #expect(names(shown.settled(at: now + handshake - .milliseconds(1))) == [])
    #expect(names(shown.settled(at: now + handshake)) == ["frontend 2"])
    #expect(names(shown.settled(at: now + handshake)) == [])
    #expect(names(shown.settled(at: now + .seconds(600))) == ["delivery 2", "frontend 3"])
    #expect(names(shown.settled(at: now + .seconds(600))) == [])
  }

  @Test("what a role shows again, an older one, and one that nobody looked at, say nothing")
  func nothingNew() {
    var shown = ShownRenewals()
    #expect(shown.shows(0, .frontend, latest: 3, at: now) == nil)
    #expect(shown.shows(4, .frontend, latest: 3, at: now) == nil)
    #expect(shown.shows(2, .frontend, latest: 3, at: now) != nil)
    for generation: UInt32 in 1...2 {
      #expect(shown.shows(generation, .frontend, latest: 3, at: now + .seconds(60)) == nil)
    }
    #expect(names(shown.settled(at: now + .seconds(600))) == ["frontend 2"])
  }

  @Test(
    "a former key signs until the last role that shows its certificate is over with it, then no more"
  )
  func formerKey() throws {
    func renewal(_ generation: UInt32, _ key: UInt8) throws -> KeyRing.Renewal {
      KeyRing.Renewal(
        generation: generation,
        keys: [0: try #require(KeyName([UInt8](repeating: key, count: KeyName.length)))],
        users: [[.listeners, .relays]],
        broken: [],
        count: 1
      )
    }
    var (ring, shown) = (KeyRing(), ShownRenewals())
    func keys() -> [UInt8] { ring.users.keys.map { $0.bytes[0] }.sorted() }
    for (generation, key) in [(UInt32(1), UInt8(1)), (2, 2)] {
      #expect(try ring.take(renewal(generation, key)) == .taken)
    }
    _ = shown.shows(2, .frontend, latest: 2, at: now)
    _ = shown.shows(2, .delivery, latest: 2, at: now + .seconds(30))
    var kept: [Int64] = []
    for second in Int64(0)..<200 {
      for (role, generation) in shown.settled(at: now + .seconds(second)) {
        ring.settled(role, generation)
      }
      if keys() == [1, 2] { kept.append(second) }
    }
    #expect(kept == Array(0..<150))
    #expect(keys() == [2])
  }
}
