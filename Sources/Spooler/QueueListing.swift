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
  private var isReading = false
  private var page = EnvelopePageEncoder()
  /// Read and not yet in a page.
  private var left: ArraySlice<EnvelopeRow> = []
  private var isAtEnd = false

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
    guard credits > 0, !isReading, desk.isWanted(self) else { return }
    while let row = left.first {
      guard page.append(row) else { return sendPage() }
      left.removeFirst()
    }
    if isAtEnd {
      if !page.isEmpty { return sendPage() }
      desk.send(id, .done)
      return
    }
    isReading = true
    walk.next(in: desk.queue) { [self] result in
      isReading = false
      switch result {
      case .failure(let error): desk.send(id, .failure("\(error)"))
      case .success(let step):
        isAtEnd = step.place == .atEnd
        take(step.envelopes)
        goOn()
      }
    }
  }

  private func sendPage() {
    credits -= 1
    desk.send(id, page: exchange(&page, with: EnvelopePageEncoder()).finish())
    goOn()
  }

  private func take(_ envelopes: [StoredEnvelope]) {
    let now = Clock.now()
    var rows: [EnvelopeRow] = []
    rows.reserveCapacity(envelopes.count)
    for var stored in envelopes {
      guard let place = desk.queue.place(of: stored) else { continue }
      if place.state == .orphaned { stored.envelope.explainOrphan() }
      guard query.matches(stored, place.state, at: now) else { continue }
      rows.append(
        EnvelopeRow(
          message: stored.message,
          envelope: stored.envelope,
          state: place.state,
          nextTry: place.nextTry,
          expiry: desk.queue.entries.expiry(of: stored.envelope)
        )
      )
    }
    left = rows[...]
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
