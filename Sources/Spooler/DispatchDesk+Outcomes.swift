// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Queue
internal import Scheduler

/// What became of envelopes: reports, deaths of the delivering role, and the end of their time.
extension DispatchDesk {
  func report(_ task: UInt64, _ reports: [EnvelopeReport]) {
    if queue.loading != .complete || !isReconciled, earlyReports.count < Limits.earlyReports,
      reports.contains(where: { flying[$0.envelope] == nil })
    {
      earlyReports.append((task, reports))
      return
    }
    let dropped = bodies?.drop(task)
    let now = Clock.now()
    let acknowledge = Countdown(reports.count) { [unowned self] in
      edge?.send(.recorded([task]))
      finishDraining()
    }
    for report in reports {
      // One that was sent again after it was recorded may meet the next try of its envelope.
      guard let flight = flying[report.envelope], flight.task == task else {
        acknowledge.one()
        continue
      }
      flying[report.envelope] = nil
      if queue.quarantined.remove(report.envelope) != nil {
        forget([report.envelope], except: [])
        acknowledge.one()
        continue
      }
      // Holds go with their edge, and so may a release have gone.
      if report.report.result == .held, !isOfThisEdge(flight) {
        queue.back(flight.stored, .returned(company(of: flight.stored)), at: now)
        acknowledge.one()
        continue
      }
      count(report.report)
      noteDestination(flight.stored, report.report, dropped)
      let decision = queue.rules.decide(
        report.report,
        for: flight.stored,
        expiry: queue.entries.expiry(of: flight.stored.envelope),
        at: now
      )
      finish(flight.stored, report.report.result, decision, at: now) { acknowledge.one() }
    }
    for id in dropped?.envelopes ?? [] {
      guard let flight = flying[id], flight.task == task else { continue }
      flying[id] = nil
      queue.context.log.warn("queue: the report of task \(task) has nothing about envelope \(id)")
      queue.back(flight.stored, .deferred, at: now)
    }
    pump()
  }

  private func count(_ report: DeliveryReport) {
    switch report.result {
    case .delivered: queue.statistics.delivered += 1
    case .temporary: queue.statistics.deferred += 1
    case .permanent: queue.statistics.failed += 1
    case .loop: queue.statistics.looped += 1
    case .held: break
    }
  }

  /// Tells the schedule, and then the store, what became of an envelope that was in flight.
  ///
  /// - Parameter result: of its try; nil: there was none.
  private func finish(
    _ stored: StoredEnvelope,
    _ result: DeliveryReport.Result?,
    _ decision: OutcomeRules.Decision,
    at now: Instant,
    _ recorded: @escaping () -> Void
  ) {
    let id = stored.envelope.id
    let outcome: Scheduler.Outcome =
      switch decision {
      case .gone: .finished
      case .retry: .deferred
      case .hold(let key): .held(under: DispatchDesk.hold(key))
      case .bounce(let update): becameBounce(stored, update)
      }
    switch decision {
    case .hold: break
    case .gone, .retry, .bounce: crashes[id] = nil
    }
    switch queue.scheduler.completed(id, outcome, at: now) {
    // Its expiry is an end that the log has already.
    case .removed(let siblings) where result != nil && result != .delivered:
      queue.removed(stored, siblings, recorded)
    case .gone(let siblings), .removed(let siblings):
      queue.gone(id, siblings, .soon, recorded)
    case .kept(let next): record(stored, decision, nextTry: next, at: now, recorded)
    case .held, .notInFlight: recorded()
    }
  }

  private func becameBounce(
    _ stored: StoredEnvelope,
    _ update: EnvelopeUpdate
  ) -> Scheduler.Outcome {
    var envelope = stored.envelope
    envelope.apply(update)
    return .becameBounce(
      destination: queue.entries.destination(of: envelope),
      expiry: queue.entries.expiry(of: envelope)
    )
  }

  private func record(
    _ stored: StoredEnvelope,
    _ decision: OutcomeRules.Decision,
    nextTry: Instant?,
    at now: Instant,
    _ recorded: @escaping () -> Void
  ) {
    let id = stored.envelope.id
    var changes: [Change] = []
    var notice: Envelope?
    switch decision {
    case .gone, .hold: return recorded()
    case .bounce(let update): changes = [.update(id, update)]
    case .retry(let update):
      changes = [.update(id, update)]
      let expiry = queue.entries.expiry(of: stored.envelope)
      if let nextTry,
        let owed = queue.rules.notices.delay(stored, nextTry: nextTry, expiry: expiry),
        let envelope = makeNotice(owed.bounce, for: stored, update, at: now)
      {
        changes += [.update(id, .noticed(owed.noticed)), .add(envelope)]
        notice = envelope
      }
    }
    queue.hot.forget(id)
    queue.commit(changes, .soon) { [unowned self] in
      // Not before: it could come up before the store has it.
      if let notice {
        queue.adopt([StoredEnvelope(message: stored.message, envelope: notice)], at: Clock.now())
      }
      recorded()
    }
  }

  /// One more envelope of the message, which owes its sender a notice of delay.
  private func makeNotice(
    _ bounce: Bounce,
    for stored: StoredEnvelope,
    _ update: EnvelopeUpdate,
    at now: Instant
  ) -> Envelope? {
    for _ in 0..<16 {
      let low = UInt32.random(in: 1...UInt32.max)
      guard let id = EnvelopeID(message: stored.message.id, low: low),
        queue.scheduler.status(of: id) == nil
      else { continue }
      var envelope = stored.envelope
      envelope.apply(update)
      envelope.id = id
      envelope.kind = .bounce(bounce)
      envelope.created = now
      envelope.holdUntil = nil
      envelope.progress.tries = 0
      envelope.progress.suspension = .none
      envelope.unknownFields = []
      return envelope
    }
    return nil
  }

  // MARK: - Deaths

  /// Whether an envelope may be tried beside others.
  func company(of stored: StoredEnvelope) -> Scheduler.Company {
    let count = crashes[stored.envelope.id] ?? stored.envelope.progress.crashes
    return count >= Limits.crashesTogether ? .alone : .any
  }

  /// The delivering role died while it had this envelope. The first time is put down to another one's
  /// and is not recorded, since all that was in flight is suspect.
  func crashed(_ id: EnvelopeID, _ stored: StoredEnvelope) {
    flying[id] = nil
    if queue.quarantined.remove(id) != nil { return forget([id], except: []) }
    let now = Clock.now()
    let before = crashes[id] ?? stored.envelope.progress.crashes
    let count = before == .max ? before : before + 1
    crashes[id] = count
    queue.back(stored, .returned(company(of: stored)), at: now)
    guard count >= Limits.crashesTogether, queue.scheduler.status(of: id) != nil else { return }
    var changes: [Change] = [.update(id, .crashed)]
    if count == Limits.crashesTogether { changes.append(.update(id, .crashed)) }
    if count >= Limits.crashes {
      _ = queue.scheduler.suspend(id, at: now)
      changes.append(.update(id, .suspended(.quarantine)))
      queue.context.log.warn(
        "queue: envelope \(id) is held: its delivery ended the delivering process \(count) times; "
          + "see smtpctl show envelope \(id), then smtpctl resume envelope \(id)"
      )
    }
    queue.hot.forget(id)
    queue.commit(changes, .soon) {}
  }

  // MARK: - Expiry

  /// Gives up what is too old, some at a time.
  func expire(at now: Instant) {
    guard !isExpiring else { return }
    let ids = queue.scheduler.expired(at: now, limit: Limits.expiredAtOnce)
    guard !ids.isEmpty else { return }
    isExpiring = true
    queue.worker.read({ store throws(StoreError) in try DispatchDesk.envelopes(ids, in: store) }) {
      [unowned self] result in
      isExpiring = false
      let now = Clock.now()
      guard case .success(let found) = result else {
        for id in ids { queue.back(unread: id, at: now) }
        return
      }
      forget(ids, except: found)
      for stored in found { giveUp(stored, at: now) }
      pump()
    }
  }

  private func giveUp(_ stored: StoredEnvelope, at now: Instant) {
    queue.statistics.expired += 1
    let reason = stored.envelope.progress.lastError
    queue.context.log.line(stored.endLine("Expire", because: reason, at: now))
    finish(stored, nil, queue.rules.expired(stored, at: now), at: now) {}
  }
}
