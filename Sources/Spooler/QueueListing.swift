// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Interprocess
internal import Mail
internal import Queue
internal import Scheduler

/// `show queue`: the envelopes that match, in rising order, a page at a time.
final class QueueListing: PagedAnswer {
  let id: UInt32
  private unowned let desk: QueryDesk
  private let query: Query
  private let walk: EnvelopeWalk
  private var credits = 0
  private var page = EnvelopePageEncoder()
  private var reading = Reading.none
  /// Read; those from `next` on are not yet in a page.
  private var envelopes: [StoredEnvelope] = []
  private var next = 0
  private var isAtEnd = false

  /// The store is read one step ahead of the page that is filled, so that both go on at once.
  private enum Reading {
    case none
    case underWay
    case done(Result<EnvelopeWalk.Step, StoreError>)
  }

  init(_ desk: QueryDesk, _ id: UInt32, _ query: Query) {
    self.desk = desk
    self.id = id
    self.query = query
    walk = EnvelopeWalk(query.scope)
  }

  func credit() {
    credits += 1
    goOn()
  }

  private func goOn() {
    while credits > 0, desk.isWanted(self) {
      guard fillPage() == .roomLeft else {
        sendPage()
        continue
      }
      if isAtEnd {
        if page.isEmpty { return desk.send(id, .done) }
        sendPage()
        continue
      }
      guard case .done(let result) = reading else { return readOn() }
      reading = .none
      switch result {
      case .failure(let error): return desk.send(id, .failure("\(error)"))
      case .success(let step):
        (envelopes, next) = (step.envelopes, 0)
        isAtEnd = step.place == .atEnd
        if !isAtEnd { readOn() }
      }
    }
  }

  private func readOn() {
    guard case .none = reading else { return }
    reading = .underWay
    walk.next(in: desk.queue) { [self] result in
      reading = .done(result)
      goOn()
    }
  }

  private func sendPage() {
    credits -= 1
    desk.send(id, page: exchange(&page, with: EnvelopePageEncoder()).finish())
  }

  private enum Room {
    case roomLeft
    case full
  }

  /// Puts into the page what was read, as long as it has room.
  private func fillPage() -> Room {
    let now = Clock.now()
    while next < envelopes.count {
      if let row = row(of: envelopes[next], at: now), !page.append(row) { return .full }
      next += 1
    }
    return .roomLeft
  }

  /// Nil when the envelope has just gone, or is not asked for.
  private func row(of found: StoredEnvelope, at now: Instant) -> EnvelopeRow? {
    guard let place = desk.queue.place(of: found) else { return nil }
    var stored = found
    if place.state == .orphaned { stored.envelope.explainOrphan() }
    guard query.matches(stored, place.state, at: now) else { return nil }
    return EnvelopeRow(
      message: stored.message,
      envelope: stored.envelope,
      state: place.state,
      nextTry: place.nextTry,
      expiry: desk.queue.entries.expiry(of: stored.envelope)
    )
  }
}

extension Envelope {
  /// Says as its error why it waits; the last one stays behind it.
  mutating func explainOrphan() {
    let reason = ScheduleEntries.missingAction(action)
    progress.lastError = Envelope.errorText(
      progress.lastError.isEmpty ? reason : "\(reason); last error: \(progress.lastError)"
    )
  }
}

extension QueueService {
  /// Where an envelope is that was found in the store, and when it is next tried. Nil when it has just
  /// gone, or just come.
  func place(of stored: StoredEnvelope) -> (state: RuntimeState, nextTry: Instant?)? {
    let envelope = stored.envelope
    guard let status = scheduler.status(of: envelope.id) else {
      guard loading != .complete, !goneWhileLoading.contains(envelope.id) else { return nil }
      switch entries.entry(for: stored).standing {
      case .live, .inFlight: return (.pending, nil)
      case .suspended: return (.suspended, nil)
      case .held: return (.orphaned, nil)
      }
    }
    let state: RuntimeState =
      switch status.state {
      case .pending: .pending
      case .scheduled: .scheduled
      case .inFlight: .inflight
      case .held:
        status.holdQueue == ScheduleEntries.missingAction(envelope.action) ? .orphaned : .held
      case .suspended: .suspended
      case .expired: .expired
      }
    return (state, status.nextTry)
  }
}
