// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import NIOCore
internal import Queue

/// Commits that fail: who is told, what is tried again, and when.
extension QueueService {
  /// So many attempts to open the store again may fail before operators are told: it may be over in a
  /// moment.
  private static let brieflyUnwell: Int64 = 3

  /// A commit failed.
  func failed(_ parts: [GroupCommit<Ticket>.Part], _ error: StoreError) {
    switch error {
    case .full:
      failuresInRow += 1
      full(parts, error)
    case .exists, .absent: impossible(parts, error)
    default:
      failuresInRow += 1
      unwell(parts, error)
    }
  }

  /// The store is well and did nothing, because of something that the group asks for: the part to blame
  /// is answered, the others are done without it.
  private func impossible(_ parts: [GroupCommit<Ticket>.Part], _ error: StoreError) {
    var culprit = parts.count == 1 ? 0 : nil
    if case .exists(let id) = error {
      identifiers?.collided()
      culprit = parts.lastIndex { $0.inserted.contains { $0.id == id } } ?? culprit
    }
    guard let culprit else { return groups.failed(again: parts, .alone) }
    var others = parts
    let part = others.remove(at: culprit)
    groups.failed(again: others)
    switch part.ticket {
    case .message(let new, let finished):
      context.log.warn("queue: message \(new.message.id) is refused: \(error)")
      finished(.failure(error))
    case .notice(let new, let finished): renumber(part, new, finished)
    case .certain(let finished):
      context.log.warn("queue: what became of a message cannot be recorded: \(error)")
      finished()
    }
    // The store has answered: what waited for that goes on.
    if groups.isIdle, health == .recording { health = .good }
  }

  /// A notice has the identifier of another message, which somebody else has put into the store.
  private func renumber(
    _ part: GroupCommit<Ticket>.Part,
    _ notice: NewMessage,
    _ finished: @escaping (NewMessage) -> Void
  ) {
    let others = part.changes.filter { change in
      switch change {
      case .insert: false
      case .removeMessage(let id): id != notice.message.id
      default: true
      }
    }
    identifiers?.reserve(1) { [unowned self] id, _ in
      let new = notice.renumbered(id)
      add([.insert(new)] + others, .notice(new, finished: finished), .now)
    }
  }

  /// Nobody knows what of the group the store has: what was new is refused, the rest is done again, and
  /// all that came all the same is undone, once the store is well.
  private func unwell(_ parts: [GroupCommit<Ticket>.Part], _ error: StoreError) {
    var again: [GroupCommit<Ticket>.Part] = []
    var refused: [(Result<Void, StoreError>) -> Void] = []
    for part in parts {
      // What is answered with 451 must not come back by recovery.
      uncertain += part.inserted
      switch part.ticket {
      case .message(_, let finished): refused.append(finished)
      case .notice: again.append(part)
      case .certain(let finished):
        if parts.count == 1, part.failures >= 2, error.isAboutTheRequest {
          context.log.warn("queue: what became of a message cannot be recorded: \(error)")
          refused.append { _ in finished() }
        } else {
          again.append(part)
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
      case .certain, .notice: again.append(part)
      }
    }
    groups.failed(again: again)
    spaceDesk?.isShort = true
    if refused.isEmpty {
      health = .failed
      spaceDesk?.relieve { [unowned self] _ in
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
    let uncertain = uncertain
    worker.repair({ store throws(StoreError) in try Reopening(of: store, uncertain) }) {
      [unowned self] result in
      switch result {
      case .success(let reopening):
        if let refusal = reopening.refusal { return context.giveUp("\(refusal)") }
        for remark in reopening.report.remarks { context.log.info("queue: \(remark)") }
        self.uncertain = []
        groups.undo(reopening.held, ticket: .certain {})
        health = groups.isIdle ? .good : .recording
        context.log.info("queue: the store is well again")
        if spaceDesk?.isShort == true {
          // What was given up is for deletions, until there is room for new mail as well.
          intakeDesk?.space(Intake.shortOfSpace)
        } else {
          intakeDesk?.storeRecovered()
        }
        worker.set(.well)
        dispatchDesk?.pump()
      case .failure(let error):
        if attempt >= QueueService.brieflyUnwell { worker.staysUnwell(error) }
        if attempt % 10 == 0 { context.log.warn("queue: reopen: \(error)") }
        guard case .full = error, let spaceDesk else { return reopen(attempt: attempt + 1) }
        // The reserve is what it needs; a store with one of its own has given that up by now.
        spaceDesk.isShort = true
        spaceDesk.relieve { [unowned self] _ in reopen(attempt: attempt + 1) }
      }
    }
  }
}

/// A store that was opened again after a failure, and what it then has.
private struct Reopening: Sendable {
  let report: OpenReport
  /// Why it must not be served any more: it was closed for a moment.
  let refusal: ServingRefusal?
  /// Those of the messages in doubt that it has.
  private(set) var held: Set<MessageID> = []

  /// - Parameter uncertain: messages whose commits have failed.
  init(of store: any Store, _ uncertain: [Message]) throws(StoreError) {
    report = try store.reopen()
    refusal = try ServingRefusal.reason(of: store)
    for message in uncertain {
      do throws(StoreError) {
        // Only if it is that one: a number may have been another's.
        if try store.holds(message) { held.insert(message.id) }
      } catch .damaged {
        continue
      }
    }
  }
}
