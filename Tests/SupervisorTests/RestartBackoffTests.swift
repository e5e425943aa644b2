// SPDX-License-Identifier: ISC

import Supervisor
import Testing

@Suite("Restart back-off")
struct RestartBackoffTests {
  @Test("at once the first time, then doubled up to a bound, for ever")
  func delays() {
    var backoff = RestartBackoff()
    let delays = (0..<12).map { _ in backoff.died(after: 0) }
    #expect(delays.prefix(5) == [0, 100, 200, 400, 800])
    #expect(delays.last == RestartBackoff.Limits.longest)
  }

  @Test("a role that lived long enough begins anew")
  func healthy() {
    var backoff = RestartBackoff()
    for _ in 0..<5 { _ = backoff.died(after: 0) }
    #expect(backoff.died(after: RestartBackoff.Limits.healthy) == 0)
    #expect(backoff.died(after: RestartBackoff.Limits.healthy - 1) == 100)
  }
}
