// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Queue
internal import Scheduler

extension QueueService {
  /// A message became durable: into the schedule, and kept at hand for its first try.
  func accepted(_ new: NewMessage) {
    let now = Clock.now()
    statistics.enqueued += new.envelopes.count
    for envelope in new.envelopes {
      let stored = StoredEnvelope(message: new.message, envelope: envelope)
      _ = scheduler.insert(entries.entry(for: stored), at: now)
    }
    hot.keep(new, at: now) { isNext($0, at: now) }
  }

  /// Whether an envelope waits for its turn only, or for the end of a pause.
  private func isNext(_ envelope: Envelope, at now: Instant) -> Bool {
    guard let status = scheduler.status(of: envelope.id), envelope.holdUntil ?? now <= now else {
      return false
    }
    return status.state == .pending || status.state == .scheduled
  }

  /// Puts the envelopes of these messages into the schedule while the others are still being read.
  func adoptEarly(
    _ messages: [MessageID],
    finished: @escaping (Result<Void, StoreError>) -> Void
  ) {
    let walk = EnvelopeWalk<StoredEnvelope>(.only(messages: messages, envelopes: []))
    var found: [StoredEnvelope] = []
    func goOn() {
      walk.next(in: self) { [unowned self] result in
        switch result {
        case .failure(let error): finished(.failure(error))
        case .success(let step):
          found += step.found
          guard step.place == .atEnd else { return goOn() }
          // When all has been read meanwhile, they are there, or gone.
          if loading != .complete {
            adopt(found.filter { !goneWhileLoading.contains($0.envelope.id) }, at: Clock.now())
          }
          finished(.success(()))
        }
      }
    }
    goOn()
  }

  /// An envelope that was in flight comes back with nothing to record. One that the operator removed
  /// meanwhile goes.
  func back(_ stored: StoredEnvelope, _ outcome: Scheduler.Outcome, at now: Instant) {
    let id = stored.envelope.id
    if case .deferred = outcome { hot.forget(id) }
    switch scheduler.completed(id, outcome, at: now) {
    case .gone(let siblings): gone(id, siblings, .soon) {}
    case .removed(let siblings): removed(stored, siblings) {}
    case .kept, .held, .notInFlight: break
    }
  }

  /// The same, of what could not be read from the store when its turn had come.
  func back(unread id: EnvelopeID, at now: Instant) {
    hot.forget(id)
    switch scheduler.completed(id, .deferred, at: now) {
    case .gone(let siblings): gone(id, siblings, .soon) {}
    case .removed(let siblings):
      gone(id, siblings, .soon) { [unowned self] in
        context.log.info("queue: envelope \(id) removed by administrator")
      }
    case .kept, .held, .notInFlight: break
    }
  }

  /// What the operator removed while it was in flight is back, and was not delivered.
  func removed(
    _ stored: StoredEnvelope,
    _ siblings: Scheduler.Siblings,
    _ recorded: @escaping () -> Void
  ) {
    gone(stored.envelope.id, siblings, .soon) { [unowned self] in
      tellRemoved([stored])
      recorded()
    }
  }

  /// For the log, once these are gone.
  func tellRemoved(_ envelopes: [StoredEnvelope]) {
    let now = Clock.now()
    for stored in envelopes { context.log.line(stored.removalLine(at: now)) }
  }

  /// An envelope has left the schedule: it leaves the store, and with the last one its message.
  func gone(
    _ id: EnvelopeID,
    _ siblings: Scheduler.Siblings,
    _ urgency: GroupCommit<Ticket>.Urgency,
    _ recorded: @escaping () -> Void
  ) {
    commit(changesForGone(id, siblings), urgency, finished: recorded)
  }

  /// What the store has to do when an envelope has left the schedule.
  func changesForGone(_ id: EnvelopeID, _ siblings: Scheduler.Siblings) -> [Change] {
    if loading != .complete { goneWhileLoading.insert(id) }
    hot.forget(id)
    statistics.dequeued += 1
    dispatchDesk?.crashes[id] = nil
    switch siblings {
    case .remain: return [.removeEnvelope(id)]
    // The store may have more of it than the schedule knows yet.
    case .none where restoring[id.message] != nil: return [.removeEnvelope(id)]
    case .none:
      hot.drop(id.message)
      return [.removeMessage(id.message)]
    }
  }
}

extension StoredEnvelope {
  /// The line of the log about an envelope that an operator removed.
  func removalLine(at now: Instant) -> String {
    endLine("Remove", because: "Removed by administrator", at: now)
  }

  /// The line of the log about an envelope that ends without a delivery. `word` is `Expire` or `Remove`.
  func endLine(_ word: String, because reason: String, at now: Instant) -> String {
    "\(envelope.kind == .relay ? "relay" : "delivery"): \(word) for \(envelope.id): "
      + "from=<\(message.senderText)>, to=<\(envelope.destination)>, rcpt=<\(envelope.recipient)>, "
      + "delay=\((now - envelope.created).operatorText), stat=\(reason)"
  }
}

extension Message {
  /// The sender as log lines show it; empty for the null reverse path.
  var senderText: String { sender.map { "\($0)" } ?? "" }
}
