// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Interprocess
internal import Mail
internal import NIOCore
internal import Queue
internal import Scheduler

/// A verb that an operator applies to a set of envelopes.
struct BulkVerb {
  enum Effect {
    case schedule
    case remove
    case suspend
    case resume
    case reassign(action: String)
  }

  let effect: Effect
  let selection: Selection
  let mode: ControlRequest.Mode

  /// Nil when the request is no such verb.
  init?(_ request: ControlRequest) {
    switch request {
    case .schedule(let selection, let mode):
      (effect, self.selection, self.mode) = (.schedule, selection, mode)
    case .remove(let selection, let mode):
      (effect, self.selection, self.mode) = (.remove, selection, mode)
    case .pauseEnvelopes(let selection, let mode):
      (effect, self.selection, self.mode) = (.suspend, selection, mode)
    case .resumeEnvelopes(let selection, let mode):
      (effect, self.selection, self.mode) = (.resume, selection, mode)
    case .reassign(let selection, let action, let mode):
      (effect, self.selection, self.mode) = (.reassign(action: action), selection, mode)
    default: return nil
    }
  }
}

/// Finds what matches, then does all of it, then says how many it was.
final class BulkOperation: PagedAnswer {
  let id: UInt32
  private unowned let desk: QueryDesk
  private let query: Query
  private let verb: BulkVerb
  private let walk: EnvelopeWalk<StoredEnvelope>
  private var matches: [Match] = []
  /// What the log will say of the first of those that are to be removed, as far as they are not in flight.
  private var removalLines: [EnvelopeID: String] = [:]
  /// How many of these it has said.
  private var listed = 0
  /// How many were in flight when they were removed.
  private var inFlight = 0
  private var hasBegun = false

  private struct Match {
    let id: EnvelopeID
    /// Nil for a notice, and where nobody asks.
    let target: ScheduleEntries.Target?
  }

  init(_ desk: QueryDesk, _ id: UInt32, _ query: Query, _ verb: BulkVerb) {
    self.desk = desk
    self.id = id
    self.query = query
    self.verb = verb
    walk = EnvelopeWalk(query.scope)
  }

  func credit() {
    guard !hasBegun else { return }
    hasBegun = true
    goOn()
  }

  private func goOn() {
    walk.next(in: desk.queue) { [self] result in
      guard desk.isWanted(self) else { return }
      switch result {
      case .failure(let error): desk.send(id, .failure("\(error)"))
      case .success(let step):
        let now = Clock.now()
        for var stored in step.found {
          guard let place = desk.queue.place(of: stored.envelope.id, stored) else { continue }
          if place.state == .orphaned { stored.envelope.explainOrphan() }
          guard query.matches(stored, place.state, at: now) else { continue }
          let target = verb.isReassignment ? ScheduleEntries.Target(stored.envelope) : nil
          matches.append(Match(id: stored.envelope.id, target: target))
          if verb.isRemoval, verb.mode == .execute { keepLine(of: stored, at: now) }
        }
        if step.place == .atEnd { execute() } else { goOn() }
      }
    }
  }

  /// Twice as many as are said: some may be in flight, or delivered, by the time the others are removed.
  private func keepLine(of stored: StoredEnvelope, at now: Instant) {
    guard removalLines.count < 2 * QueryDesk.Limits.removalLines else { return }
    let status = desk.queue.scheduler.status(of: stored.envelope.id)
    guard status?.isRemoved != true, status?.state != .inFlight else { return }
    removalLines[stored.envelope.id] = stored.removalLine(at: now)
  }

  private func execute() {
    if let refusal = refusal() { return desk.send(id, .failure(refusal)) }
    if verb.mode == .dryRun {
      let touched = matches.filter { wouldTouch($0.id) }
      inFlight = verb.isRemoval ? touched.count(where: { isInFlight($0.id) }) : 0
      return answer(touched.count)
    }
    execute(matches[...], count: 0)
  }

  /// Some messages at a time, none of them in parts: new mail and deliveries go on between, and no
  /// commit is larger than they can wait for (`Decisions/0009-bulk-verbs-in-parts.md`).
  private func execute(_ rest: ArraySlice<Match>, count: Int) {
    var count = count
    var changes: [Change] = []
    var lines: [String] = []
    let now = Clock.now()
    let part = BulkOperation.part(of: rest, most: QueryDesk.Limits.transaction) { $0.id.message }
    for match in part {
      let (touched, change) = apply(to: match, at: now)
      if touched != .unchanged { count += 1 }
      if touched == .marked { inFlight += 1 }
      if touched == .changed, listed < QueryDesk.Limits.removalLines,
        let line = removalLines[match.id]
      {
        listed += 1
        lines.append(line)
      }
      changes += change
    }
    changes = BulkOperation.withoutWhatGoesAnyway(changes)
    let total = count
    func next() {
      for line in lines { desk.queue.context.log.line(line) }
      if part.count < rest.count {
        execute(rest.dropFirst(part.count), count: total)
      } else {
        if verb.isRemoval { removed(total) }
        answer(total)
        desk.queue.dispatchDesk?.pump()
      }
    }
    if changes.isEmpty {
      // The loop has others to serve.
      desk.queue.context.loop.executeAfterReading { next() }
    } else {
      desk.queue.commit(changes, .now) { next() }
    }
  }

  private func answer(_ count: Int) {
    desk.send(
      id,
      verb.isRemoval ? .removal(count - inFlight, inFlight: inFlight) : .count(count)
    )
  }

  private func isInFlight(_ envelope: EnvelopeID) -> Bool {
    desk.queue.scheduler.status(of: envelope)?.state == .inFlight
  }

  private func removed(_ count: Int) {
    desk.queue.statistics.removed += count
    let log = desk.queue.context.log
    if count - inFlight > listed {
      log.info(
        "queue: \(count - inFlight) envelopes removed by administrator, \(listed) of which are listed here"
      )
    }
    if inFlight > 0 {
      log.info(
        "queue: in flight, and to be removed by administrator when they are back: \(inFlight)"
      )
    }
  }

  /// The first of `rest`, at most `most` or as many as the first message has. What lies next to each
  /// other and has the same message stays together.
  static func part<Element>(
    of rest: ArraySlice<Element>,
    most: Int,
    message: (Element) -> MessageID
  ) -> ArraySlice<Element> {
    guard rest.count > most, let first = rest.first else { return rest }
    let next = message(rest[rest.startIndex + most])
    if let end = rest.prefix(most).lastIndex(where: { message($0) != next }) {
      return rest[...end]
    }
    let own = message(first)
    return rest[..<(rest.firstIndex { message($0) != own } ?? rest.endIndex)]
  }

  /// Without the removals of envelopes whose messages are removed, too.
  static func withoutWhatGoesAnyway(_ changes: [Change]) -> [Change] {
    var gone: Set<MessageID> = []
    for case .removeMessage(let id) in changes { gone.insert(id) }
    guard !gone.isEmpty else { return changes }
    return changes.filter { change in
      if case .removeEnvelope(let id) = change { return !gone.contains(id.message) }
      return true
    }
  }

  private enum Touched {
    case changed
    /// It goes when it is back.
    case marked
    case unchanged
  }

  private func wouldTouch(_ envelope: EnvelopeID) -> Bool {
    guard let status = desk.queue.scheduler.status(of: envelope) else { return false }
    switch verb.effect {
    case .schedule: return desk.queue.scheduler.canSchedule(envelope)
    case .remove: return !status.isRemoved
    case .suspend:
      return !status.isSuspended && !status.isRemoved && status.state != .expired
    case .resume: return status.isSuspended && !status.isRemoved
    case .reassign: return status.state != .inFlight && status.state != .expired
    }
  }

  private func apply(to match: Match, at now: Instant) -> (Touched, [Change]) {
    let queue = desk.queue
    let envelope = match.id
    guard wouldTouch(envelope) else { return (.unchanged, []) }
    switch verb.effect {
    case .schedule:
      return (queue.scheduler.schedule(envelope, at: now) == .changed ? .changed : .unchanged, [])
    case .remove:
      switch queue.scheduler.remove(envelope, at: now) {
      case .removed(let siblings): return (.changed, queue.changesForGone(envelope, siblings))
      // So that a queue that is started again remembers.
      case .marked: return (.marked, [.update(envelope, .suspended(.removed))])
      case .unknown: return (.unchanged, [])
      }
    case .suspend:
      guard queue.scheduler.suspend(envelope, at: now) == .changed else { return (.unchanged, []) }
      queue.hot.forget(envelope)
      return (.changed, [.update(envelope, .suspended(.operatorPause))])
    case .resume:
      guard queue.scheduler.resume(envelope, at: now) == .changed else { return (.unchanged, []) }
      return (.changed, [.update(envelope, .suspended(.none))])
    case .reassign(let action):
      return reassign(match, to: action, at: now)
    }
  }

  private func reassign(
    _ match: Match,
    to action: String,
    at now: Instant
  ) -> (Touched, [Change]) {
    guard let target = match.target else { return (.unchanged, []) }
    let queue = desk.queue
    let destination = queue.entries.destination(of: target, by: action)
    let kind: Scheduler.Kind =
      switch target {
      case .relay: .relay
      case .local: .local
      }
    guard
      queue.scheduler.reassign(match.id, to: kind, destination: destination, at: now) == .changed
    else { return (.unchanged, []) }
    queue.hot.forget(match.id)
    return (.changed, [.update(match.id, .reassigned(action: action))])
  }

  /// Why these envelopes cannot all be given the action; nil when they can.
  private func refusal() -> String? {
    guard case .reassign(let action) = verb.effect else { return nil }
    let isRelay = desk.queue.entries.isRelay(action)
    var others = 0
    var notices = 0
    for match in matches {
      switch match.target {
      case .relay?: others += isRelay ? 0 : 1
      case .local?: others += isRelay ? 1 : 0
      case nil: notices += 1
      }
    }
    guard others + notices > 0 else { return nil }
    var reasons: [String] = []
    if others > 0 {
      reasons.append(
        isRelay
          ? "\(others) are for users of this machine" : "\(others) are to be relayed"
      )
    }
    if notices > 0 { reasons.append("\(notices) are notices that are still to be written") }
    let agent = isRelay ? "mta" : "mda"
    return "action \"\(action)\" \(isRelay ? "relays" : "delivers on this machine"), and of the "
      + "\(matches.count) envelopes \(reasons.joined(separator: ", and ")): nothing was changed; "
      + "add kind=\(agent) to leave them out"
  }
}

extension BulkVerb {
  var isReassignment: Bool {
    if case .reassign = effect { return true }
    return false
  }

  var isRemoval: Bool {
    if case .remove = effect { return true }
    return false
  }
}
