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
}
