// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Scheduler

@Suite("Memory")
struct MemoryTests {
  @Test("a slot is one cache line")
  func slot() {
    #expect(MemoryLayout<Slot>.stride == 64)
  }

  @Test("at most 100 bytes an envelope, with one envelope a message, at any size of the queue")
  func perEnvelope() {
    let fixture = Fixture()
    var worst = 0
    for message in UInt32(1)...120_000 {
      fixture.add(message, to: "deliver some-domain-\(message % 1200).example") { $0.tries = 1 }
      if message >= 20_000, message % 9973 == 0 {
        worst = max(worst, fixture.scheduler.allocatedBytes / Int(message))
      }
    }
    #expect(worst <= 100, "\(worst) bytes an envelope")
  }

  @Test(
    "identifiers of every pattern are found, and in short chains",
    arguments: [UInt32(1), 16, 256, 4096, 65_536, 2_654_435_761]
  )
  func patterns(stride: UInt32) throws {
    let fixture = Fixture()
    let ids = (UInt32(1)...8000).map { fixture.add($0 &* stride, $0 % 7 + 1) { $0.tries = 1 } }
    try fixture.scheduler.checkInvariants()
    #expect(fixture.scheduler.byEnvelope.longestChain(fixture.scheduler.slots) <= 32)
    #expect(fixture.scheduler.byMessage.longestChain(fixture.scheduler.slots) <= 32)
    for id in ids.indices where id % 3 != 0 { _ = fixture.remove(ids[id]) }
    try fixture.scheduler.checkInvariants()
    #expect(fixture.statistics.envelopes == 2667)
  }

  @Test("a message of many envelopes does not make long chains")
  func wideMessage() throws {
    let fixture = Fixture()
    for low in UInt32(1)...8000 { fixture.add(1, low &* 2_654_435_761) { $0.tries = 1 } }
    #expect(fixture.scheduler.byEnvelope.longestChain(fixture.scheduler.slots) <= 32)
    try fixture.scheduler.checkInvariants()
  }
}
