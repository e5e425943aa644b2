// SPDX-License-Identifier: ISC

package import Configuration
package import Disk
package import Interprocess
internal import Mail
internal import NIOCore
package import Queue
internal import Scheduler

/// The queue role: the store and its thread, the schedule, and the edges to everybody who brings mail,
/// takes it away, or asks about it.
///
/// One event loop owns everything here; the desks are its duties, each with the edges it serves.
package final class QueueService: RoleService {
  /// Makes the store that the configuration names, over the spool of this role. Run on the store's
  /// thread.
  package typealias StoreFactory = @Sendable () throws(StoreError) -> any Store

  /// Records that the store that is open now is the spool's queue, or says why it must not be. Run on
  /// the store's thread.
  package typealias BackendSettlement = @Sendable () throws(StoreError) -> Void

  let context: RoleContext
  let projection: QueueProjection
  let worker: StoreWorker
  private let settleBackend: BackendSettlement
  let entries: ScheduleEntries
  let rules: OutcomeRules
  var scheduler: Scheduler
  var groups = GroupCommit<Ticket>()
  var hot = HotMessages()
  var statistics = QueueStatistics()
  var pauses = Pauses()
  /// Envelopes that went while the store was still being read; a page read before must not bring
  /// them back.
  var goneWhileLoading: Set<EnvelopeID> = []
  /// Messages that are being given back by the quarantine, and how often: they are not removed meanwhile.
  var restoring: [MessageID: Int] = [:]
  /// In flight, and in quarantine meanwhile: out of the schedule when they are back.
  var quarantined: Set<EnvelopeID> = []
  private(set) var loading = Loading.notOpen
  var health = Health.good
  private(set) var identifiers: IdentifierDesk?
  private(set) var intakeDesk: IntakeDesk?
  private(set) var dispatchDesk: DispatchDesk?
  private(set) var noticeDesk: NoticeDesk?
  private(set) var queryDesk: QueryDesk?
  private(set) var spaceDesk: SpaceDesk?
  private var commitTimer: Scheduled<Void>?
  /// Commits that failed, one after the other.
  var failuresInRow: Int64 = 0
  /// What commits inserted that have failed: whether the store has it is seen when it is well again.
  var uncertain: [Message] = []
  private var isStopping = false
  private var stopFinished: (() -> Void)?

  /// Whose a part of a group commit is.
  enum Ticket {
    /// A new message: refused when it fails.
    case message(NewMessage, finished: (Result<Void, StoreError>) -> Void)
    /// Done again until it succeeds, then told.
    case certain(finished: () -> Void)
    /// The same, with a message of our own that gets another identifier when its own is taken.
    case notice(NewMessage, finished: (NewMessage) -> Void)
  }

  enum Loading {
    /// Nothing is known of the store, not even the pauses.
    case notOpen
    /// The schedule has a part of the envelopes.
    case reading
    case complete
  }

  enum Health {
    case good
    /// The last commit failed; nothing is accepted, committed or dispatched until the store is well
    /// again.
    case failed
    /// What failed is committed again. Nothing is dispatched before that is seen to go well: its
    /// outcome could not be recorded.
    case recording
  }

  package init(
    context: RoleContext,
    projection: QueueProjection,
    disk: (any Disk)?,
    stage: BodyStage?,
    seed: UInt64,
    settleBackend: @escaping BackendSettlement = {},
    makeStore: @escaping StoreFactory
  ) {
    self.context = context
    self.settleBackend = settleBackend
    self.projection = projection
    worker = StoreWorker(on: context.loop)
    rules = OutcomeRules(warnIntervals: projection.warnIntervals)
    entries = ScheduleEntries(projection, noticeTimeToLive: rules.noticeTimeToLive)
    var limits = Scheduler.Limits()
    limits.inFlight = projection.schedulingLimits.inFlightMax
    limits.batch = projection.schedulingLimits.envelopeBatchMax
    limits.relayTasks = UInt32(clamping: max(1, projection.relayLimits.tasksHigh))
    limits.localTasks = UInt32(clamping: max(1, projection.localLimits.tasksHigh))
    // What a user's mail is given to takes one envelope: several run beside each other, so that none
    // waits for a command that hangs.
    limits.isSplit = ScheduleEntries.isOfOneUser
    scheduler = Scheduler(limits: limits, seed: seed, at: Clock.now())
    identifiers = IdentifierDesk(self)
    intakeDesk = IntakeDesk(self, stage: stage)
    dispatchDesk = DispatchDesk(self)
    noticeDesk = NoticeDesk(self)
    queryDesk = QueryDesk(self)
    spaceDesk = SpaceDesk(self, disk: disk)
    worker.nextCommit = { [unowned self] in takeGroup() }
    worker.quarantineGrew = { [unowned self] in warnOfQuarantine(worker.quarantined) }
    open(makeStore)
  }

  // MARK: - Supervisor

  package func connect(to peer: Role, generation: UInt32, descriptor: CInt) {
    switch peer {
    case .frontend: intakeDesk?.connectFrontend(generation, descriptor)
    case .lookup: noticeDesk?.connectLookup(generation, descriptor)
    case .delivery: dispatchDesk?.connect(generation, descriptor)
    case .control: queryDesk?.connect(descriptor)
    default: Descriptor(owning: descriptor).closeNow()
    }
  }

  package func received(_ message: SupervisorToRole, descriptors: [CInt]) {
    if case .paused(let bits) = message {
      pauses.atStart = Pauses.Subsystems(rawValue: bits)
      if loading != .notOpen { applyPauses() }
    }
    for descriptor in descriptors { Descriptor(owning: descriptor).closeNow() }
  }

  package func stop(within milliseconds: UInt32, finished: @escaping () -> Void) {
    isStopping = true
    stopFinished = finished
    let limit = Duration.milliseconds(Int64(milliseconds))
    // Outcomes of deliveries that end now are still recorded.
    context.loop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds) / 4)) {
      self.closeStore(within: limit)
    }
    dispatchDesk?.whenDrained { [unowned self] in closeStore(within: limit) }
  }

  private func closeStore(within limit: Duration) {
    guard let finished = stopFinished else { return }
    stopFinished = nil
    commitTimer?.cancel()
    // Opening is recovery, which may end anywhere; and what did not open needs no closing.
    guard loading != .notOpen else { return finished() }
    func close() {
      guard groups.isIdle || health == .failed else {
        worker.pump()
        context.loop.assumeIsolated().scheduleTask(in: .milliseconds(2)) { close() }
        return
      }
      worker.repair({ store throws(StoreError) in try store.close(within: limit) }) { [context] in
        switch $0 {
        case .success(let report):
          for remark in report.remarks { context.log.info("queue: \(remark)") }
        case .failure(let error): context.log.warn("queue: close: \(error)")
        }
        finished()
      }
    }
    close()
  }

  // MARK: - Opening

  private func open(_ makeStore: @escaping StoreFactory) {
    worker.open(makeStore) { [unowned self] result in
      switch result {
      case .failure(let error): notOpened(error) { [unowned self] in open(makeStore) }
      case .success(let report):
        for remark in report.remarks { context.log.info("queue: \(remark)") }
        if report.quarantined > 0 { warnOfQuarantine(report.quarantined) }
        checkServing()
      }
    }
  }

  /// What fails for want of room is tried again with that of the reserve. Where there is none nothing would
  /// come by itself, and whoever starts us is told.
  private func notOpened(_ error: StoreError, again: @escaping () -> Void) {
    guard case .full = error, let spaceDesk else { return context.giveUp("\(error)") }
    spaceDesk.isShort = true
    spaceDesk.relieve { [context] relief in
      switch relief {
      case .reserve: again()
      case .none: context.giveUp("\(error)")
      }
    }
  }

  private func checkServing() {
    worker.read({ [settleBackend] store throws(StoreError) -> ServingRefusal? in
      if let refusal = try ServingRefusal.reason(of: store) { return refusal }
      try settleBackend()
      return nil
    }) { [unowned self] result in
      switch result {
      case .failure(let error): notOpened(error) { [unowned self] in checkServing() }
      case .success(let refusal?): context.giveUp("\(refusal)")
      case .success(nil): readSettings()
      }
    }
  }

  private func readSettings() {
    let lifetimes = projection.storedTimeToLive
    worker.read({ store throws(StoreError) in
      (
        try store.setting(IdentifierCursor.setting), try store.setting(Pauses.setting),
        try lifetimes.changes(to: store),
        Set(((try? store.quarantined()) ?? []).compactMap(\.message))
      )
    }) { [unowned self] result in
      switch result {
      case .failure(let error): notOpened(error) { [unowned self] in readSettings() }
      case .success((let cursor, let paused, let changes, let aside)):
        loading = .reading
        identifiers?.begin(storedCursor: cursor, aside: aside)
        pauses.restore(paused)
        applyPauses()
        // Nobody else reads a store in memory.
        if !changes.isEmpty, projection.backend != .memory { commit(changes, .soon) {} }
        context.tell(.ready)
        queryDesk?.loadingWentOn()
        load(after: nil, incomplete: [])
      }
    }
  }

  /// Reads all envelopes page by page; mail comes in and goes out meanwhile.
  ///
  /// - Parameter incomplete: the last message of the page before, which may go on.
  private func load(after: EnvelopeID?, incomplete: [StoredEnvelope]) {
    worker.read({ store throws(StoreError) in try store.page(after: after, limit: 1024) }) {
      [unowned self] result in
      switch result {
      case .failure(let error):
        context.log.warn("queue: reading the envelopes: \(error)")
        context.loop.assumeIsolated().scheduleTask(in: .seconds(1)) { [unowned self] in
          load(after: after, incomplete: incomplete)
        }
      case .success(let page):
        var found = incomplete + page.envelopes
        var rest: [StoredEnvelope] = []
        if page.next != nil, let last = found.last?.message.id {
          let start = found.lastIndex { $0.message.id != last }.map { $0 + 1 } ?? 0
          rest = Array(found[start...])
          found.removeSubrange(start...)
        }
        adopt(found.filter { !goneWhileLoading.contains($0.envelope.id) }, at: Clock.now())
        if let next = page.next {
          load(after: next, incomplete: rest)
        } else {
          finishLoading()
        }
        dispatchDesk?.pump()
      }
    }
  }

  /// Puts stored envelopes into the schedule: of each message all that are not there yet.
  ///
  /// What the operator removed while an earlier process had it in flight goes now, or when delivery
  /// gives it back; not before its siblings are known, since with the last one the message goes.
  func adopt(_ found: [StoredEnvelope], at now: Instant) {
    var marked: [StoredEnvelope] = []
    for stored in found {
      var entry = entries.entry(for: stored)
      if dispatchDesk?.claim(stored) == true { entry.standing = .inFlight }
      _ = scheduler.insert(entry, at: now)
      if stored.envelope.progress.suspension == .removed { marked.append(stored) }
    }
    for stored in marked {
      if case .removed(let siblings) = scheduler.remove(stored.envelope.id, at: now) {
        removed(stored, siblings) {}
      }
    }
  }

  private func finishLoading() {
    loading = .complete
    goneWhileLoading = []
    let counts = scheduler.statistics
    context.log.info("queue: \(counts.envelopes) envelopes of \(counts.messages) messages")
    dispatchDesk?.loaded()
    queryDesk?.loadingWentOn()
  }

  // MARK: - Commits

  /// Changes that must happen, whatever the store says now.
  func commit(
    _ changes: [Change],
    _ urgency: GroupCommit<Ticket>.Urgency,
    finished: @escaping () -> Void
  ) {
    add(changes, .certain(finished: finished), urgency)
  }

  func add(_ changes: [Change], _ ticket: Ticket, _ urgency: GroupCommit<Ticket>.Urgency) {
    let now = Clock.rising()
    groups.add(changes, ticket: ticket, urgency, at: now)
    worker.pump()
    guard commitTimer == nil, let deadline = groups.deadline else { return }
    let delay = TimeAmount.milliseconds(max(0, deadline - now))
    commitTimer = context.loop.assumeIsolated().scheduleTask(in: delay) { [unowned self] in
      commitTimer = nil
      worker.pump()
    }
  }

  private func takeGroup() -> StoreWorker.GroupWork? {
    guard health != .failed, loading != .notOpen, let parts = groups.next(at: Clock.rising()) else {
      return nil
    }
    return StoreWorker.GroupWork(changes: parts.flatMap(\.changes)) { [unowned self] result in
      switch result {
      case .success:
        groups.finished(after: worker.lastSync)
        if health == .recording {
          health = .good
          context.log.info("queue: changes can be recorded again; deliveries go on")
        }
        failuresInRow = 0
        statistics.commits += 1
        for part in parts {
          switch part.ticket {
          case .message(_, let finished): finished(.success(()))
          case .certain(let finished): finished()
          case .notice(let new, let finished): finished(new)
          }
        }
        dispatchDesk?.pump()
      case .failure(let error): failed(parts, error)
      }
    }
  }

  // MARK: - Dispatch

  /// Whether deliveries may begin now.
  var mayDispatch: Bool { health == .good && loading != .notOpen && !isStopping }

  /// How many may be in flight: few while the disk is short of room, since their outcomes have to find
  /// some.
  var inFlightMax: Int {
    spaceDesk?.isShort == true
      ? SpaceDesk.inFlightWhenShort : projection.schedulingLimits.inFlightMax
  }
}

extension Descriptor {
  /// Closes it, where letting it go would look like a mistake.
  consuming func closeNow() {}
}
