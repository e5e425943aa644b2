// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Scheduler

extension QueueService {
  /// The queue's part of `show stats`.
  func statisticRows() -> [Statistic] {
    let counts = scheduler.statistics
    let notices = noticeDesk?.counts ?? (notices: 0, envelopes: 0)
    let rows: [(String, Int)] = [
      ("bounce.envelope", notices.envelopes),
      ("bounce.message", notices.notices),
      ("queue.bounce", statistics.notices),
      ("queue.commit", statistics.commits),
      ("queue.envelope.enqueued", statistics.enqueued),
      ("queue.envelope.dequeued", statistics.dequeued),
      ("queue.quarantined", worker.quarantined),
      ("queue.transaction", intakeDesk?.openTransactions ?? 0),
      ("scheduler.delivery.ok", statistics.delivered),
      ("scheduler.delivery.tempfail", statistics.deferred),
      ("scheduler.delivery.permfail", statistics.failed),
      ("scheduler.delivery.loop", statistics.looped),
      ("scheduler.envelope", counts.envelopes),
      ("scheduler.envelope.incoming", counts.incomingTotal),
      ("scheduler.envelope.inflight", counts.inFlight),
      ("scheduler.envelope.expired", counts.expiredTotal),
      ("scheduler.envelope.removed", counts.removedTotal),
      ("scheduler.envelope.updated", counts.updatedTotal),
      ("scheduler.ramqueue.envelope", counts.envelopes),
      ("scheduler.ramqueue.message", counts.messages),
      ("scheduler.ramqueue.hold", counts.held),
      ("scheduler.ramqueue.holdq", counts.holdQueues),
      ("scheduler.ramqueue.hold-overflow", counts.holdOverflowTotal),
      ("scheduler.ramqueue.update", counts.updatedTotal),
    ]
    return rows.map { Statistic($0.0, Int64($0.1)) }
  }
}
