// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Delivery

@Suite("The tasks of delivery")
struct TaskLedgerTests {
  @Test("a new queue hears nothing of what was only held, and may give it again")
  func holds() {
    var ledger = TaskLedger()
    for id in [UInt64(1), 2, 3] {
      let beginning = ledger.begin(ServiceBench.task(id, recipients: ["a", "b"]))
      #expect(beginning == .begun)
    }
    let hold = DeliveryOutcome.held(HoldID(7))
    let failure = DeliveryOutcome.temporary(nil, "so")
    for (task, outcomes) in [(UInt64(1), [hold, hold]), (2, [failure, hold])] {
      for (position, outcome) in outcomes.enumerated() {
        _ = ledger.note(task, position, outcome)
      }
      _ = ledger.end(task)
    }
    let forgotten = ledger.forgetHolds()
    #expect(forgotten == [1])
    #expect(ledger.unacknowledged.map(\.task) == [2])
    #expect(ledger.inFlight == [3])
    let again = ledger.begin(ServiceBench.task(1, recipients: ["a", "b"]))
    #expect(again == .begun)
  }
}
