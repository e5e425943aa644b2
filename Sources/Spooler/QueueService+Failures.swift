// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import NIOCore
internal import Queue

/// Commits that fail: who is told, what is tried again, and when.
extension QueueService {
  /// A commit failed: what was new is refused, the rest is done again once the store is well.
  func failed(_ parts: [GroupCommit<Ticket>.Part], _ error: StoreError) {
    failuresInRow += 1
    if case .full = error { return full(parts, error) }
    var again: [GroupCommit<Ticket>.Part] = []
    var refused: [(Result<Void, StoreError>) -> Void] = []
    for part in parts {
      switch part.ticket {
      case .message(let new, let finished):
        refused.append(finished)
        // It is answered with 451 and must not come back by recovery.
        again.append(.init(changes: [.removeMessage(new.message.id)], ticket: .certain {}))
      case .certain(let finished):
        if parts.count == 1, part.failures >= 2, error.isAboutTheRequest {
          context.log.warn("queue: what became of a message cannot be recorded: \(error)")
          refused.append { _ in finished() }
        } else {
          again.append(part.afterFailure)
        }
      }
    }
    groups.failed(again: again)
    health = .failed
    worker.set(.unwell)
    context.log.warn("queue: commit: \(error); no mail is taken until the store is well again")
    intakeDesk?.storeFailed(error)
    for tell in refused { tell(.failure(error)) }
    reopen(attempt: failuresInRow - 1)
  }

  /// No room: nothing of the group was done. New mail is refused, and the rest is tried without it; when
  /// that is not possible either, after the reserve has been given up. Nothing is dispatched until it
  /// is recorded.
  private func full(_ parts: [GroupCommit<Ticket>.Part], _ error: StoreError) {
    context.log.warn("queue: commit: \(error)")
    intakeDesk?.space(Intake.shortOfSpace)
    var refused: [(Result<Void, StoreError>) -> Void] = []
    var again: [GroupCommit<Ticket>.Part] = []
    for part in parts {
      switch part.ticket {
      case .message(_, let finished): refused.append(finished)
      case .certain: again.append(part)
      }
    }
    groups.failed(again: again)
    spaceDesk?.isShort = true
    if refused.isEmpty {
      health = .failed
      spaceDesk?.relieve { [unowned self] in
        health = .recording
        worker.pump()
      }
    } else if !again.isEmpty {
      health = .recording
    }
    for tell in refused { tell(.failure(error)) }
  }

  /// - Parameter attempt: how often it was tried already; makes the next one wait.
  private func reopen(attempt: Int64) {
    guard attempt == 0 else {
      let delay = TimeAmount.milliseconds(min(1000, 25 << min(attempt, 6)))
      context.loop.assumeIsolated().scheduleTask(in: delay) { [unowned self] in
        reopenNow(attempt: attempt)
      }
      return
    }
    reopenNow(attempt: attempt)
  }

  private func reopenNow(attempt: Int64) {
    worker.repair({ store throws(StoreError) in try store.reopen() }) { [unowned self] result in
      switch result {
      case .success(let report):
        for remark in report.remarks { context.log.info("queue: \(remark)") }
        health = groups.isIdle ? .good : .recording
        context.log.info("queue: the store is well again")
        intakeDesk?.storeRecovered()
        worker.set(.well)
        dispatchDesk?.pump()
      case .failure(let error):
        if attempt % 10 == 0 { context.log.warn("queue: reopen: \(error)") }
        reopen(attempt: attempt + 1)
      }
    }
  }
}
