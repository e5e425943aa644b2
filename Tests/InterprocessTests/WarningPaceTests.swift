// SPDX-License-Identifier: ISC

import Interprocess
import Testing

@Suite("The pace of a warning")
struct WarningPaceTests {
  @Test("it is told at once, and then once an interval at most")
  func paced() {
    var pace = WarningPace(interval: 100)
    let told = [0, 1, 99, 100, 150, 199, 200, 1000, 1001].filter { pace.isDue(at: $0) }
    #expect(told == [0, 100, 200, 1000])
  }
}
