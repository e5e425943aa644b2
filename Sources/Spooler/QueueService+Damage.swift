// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Queue

extension QueueService {
  /// - Parameter count: all that is there, from before, too.
  func warnOfQuarantine(_ count: Int) {
    context.log.warn(
      "queue: unreadable records in quarantine: \(count); see smtpctl queue quarantine list"
    )
  }

  /// A body could not be read whole: has its message looked at, which quarantines what is damaged, and
  /// takes what is in the store no more out of the schedule.
  func setAside(_ message: MessageID, finished: @escaping () -> Void) {
    let inHand = dispatchDesk?.flying.keys.filter { $0.message == message } ?? []
    worker.read({ store throws(StoreError) in
      // A page begins behind its identifier.
      let page = try store.verify(after: MessageID(message.rawValue - 1), limit: 1)
      let left = try DispatchDesk.envelopes(inHand, in: store).map(\.envelope.id)
      return (page, left)
    }) { [unowned self] result in
      if case .success((let page, let left)) = result {
        // A step at a time, and commits between two.
        guard !page.isUnfinished else { return setAside(message, finished: finished) }
        for finding in page.findings {
          context.log.warn(
            "queue: \(finding.record): \(finding.problem); see smtpctl queue quarantine list"
          )
        }
        // A report may have come meanwhile.
        quarantined.formUnion(
          inHand.filter { !left.contains($0) && dispatchDesk?.flying[$0] != nil }
        )
      }
      finished()
    }
  }
}
