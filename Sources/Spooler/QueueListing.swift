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
  private let walk: EnvelopeWalk<StoredRecord>
  private var credits = 0
  private var page = EnvelopePageEncoder()
  private var reading = Reading.none
  /// Read; those from `next` on are not yet in a page.
  private var records: [StoredRecord] = []
  private var next = 0
  private var isAtEnd = false

  /// The store is read one step ahead of the page that is filled, so that both go on at once.
  private enum Reading {
    case none
    case underWay
    case done(Result<EnvelopeWalk<StoredRecord>.Step, StoreError>)
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
        (records, next) = (step.found, 0)
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
    while next < records.count {
      if let row = row(of: records[next], at: now), !page.append(row.record, row.place) {
        return .full
      }
      next += 1
    }
    return .roomLeft
  }

  /// Nil when the envelope has just gone, or is not asked for. Records go on as they are: to look into
  /// each costs more than all the rest.
  private func row(
    of found: StoredRecord,
    at now: Instant
  ) -> (record: StoredRecord, place: EnvelopePlace)? {
    // What cannot be read is put aside when the schedule reads it, or by a verification.
    guard let place = desk.queue.place(of: found.id, try? found.decoded()) else { return nil }
    let preview = query.preview(found.id, place.state)
    if preview == true, place.state != .orphaned { return (found, place) }
    guard preview != false, var stored = try? found.decoded() else { return nil }
    if place.state == .orphaned { stored.envelope.explainOrphan() }
    guard query.matches(stored, place.state, at: now) else { return nil }
    return (place.state == .orphaned ? StoredRecord(stored) : found, place)
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
  /// Where an envelope is that was found in the store. Nil when it has just gone, or just come.
  ///
  /// - Parameter stored: what the store has of it; asked only where the schedule does not know enough.
  func place(of id: EnvelopeID, _ stored: @autoclosure () -> StoredEnvelope?) -> EnvelopePlace? {
    guard let status = scheduler.status(of: id) else {
      guard loading != .complete, !goneWhileLoading.contains(id), let stored = stored() else {
        return nil
      }
      let state: RuntimeState =
        switch entries.entry(for: stored).standing {
        case .live, .inFlight: .pending
        case .suspended: .suspended
        case .held: .orphaned
        }
      let expiry = entries.expiry(of: stored.envelope)
      let task = dispatchDesk?.task(of: id)
      return EnvelopePlace(
        state: task == nil ? state : .inflight,
        nextTry: nil,
        inflightTask: task,
        expiry: expiry
      )
    }
    let state: RuntimeState =
      switch status.state {
      case .pending: .pending
      case .scheduled: .scheduled
      case .inFlight: .inflight
      case .held: isOrphan(stored()?.envelope, in: status.holdQueue) ? .orphaned : .held
      case .suspended: .suspended
      case .expired: .expired
      }
    return EnvelopePlace(
      state: state,
      nextTry: status.nextTry,
      inflightSince: status.inFlightSince,
      inflightTask: status.state == .inFlight ? dispatchDesk?.task(of: id) : nil,
      expiry: status.expiry
    )
  }

  private func isOrphan(_ envelope: Envelope?, in hold: String?) -> Bool {
    envelope.map { ScheduleEntries.missingAction($0.action) } == hold
  }
}
