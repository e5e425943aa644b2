// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore
internal import Queue
internal import Scheduler

/// Makes the notices that failed, delayed and delivered envelopes owe their senders.
///
/// A notice is a message like any other: composed here, routed by lookup, and inserted in the same
/// transaction that removes the envelopes it tells of, so that at no moment neither exists.
final class NoticeDesk {
  typealias LookupEdge = Edge<QueueToLookup, LookupToQueue>

  private enum Limits {
    /// Envelopes that one notice may become.
    static let envelopes = 100_000
  }

  /// The hold queue of envelopes whose notices wait for others.
  static let waiting = "notices under way"

  /// A notice on its way, from the envelopes that are due to the commit.
  private struct Job {
    let notice: Notice
    let envelopes: [StoredEnvelope]
    /// What it takes of memory, until it is in the store or given up.
    var bytes: Int
    /// What was asked about, and over which edge; nil while it is composed.
    var asked: (message: Message, body: [UInt8], generation: UInt32)?
    var routed: [Envelope] = []
  }

  private unowned let queue: QueueService
  /// By the generation of the edge. The highest is the living lookup's; what an older one still carries
  /// counts.
  private var edges: [UInt32: LookupEdge] = [:]
  private var jobs: [UInt64: Job] = [:]
  /// What they take, with those that are being committed.
  private var memory = NoticeMemory()
  private var nextToken: UInt64 = 0

  init(_ queue: QueueService) { self.queue = queue }

  /// Notices under way, and the envelopes that they tell of.
  var counts: (notices: Int, envelopes: Int) {
    (jobs.count, jobs.values.reduce(0) { $0 + $1.envelopes.count })
  }

  func connectLookup(_ generation: UInt32, _ descriptor: CInt) {
    queue.intakeDesk?.lookupFound(edge: generation)
    edges[generation] = LookupEdge(
      descriptor: descriptor,
      peer: .lookup,
      on: queue.context.loop,
      receive: { [unowned self] in received($0) },
      ended: { [unowned self] ending in
        queue.context.report(ending, of: .lookup)
        edges[generation] = nil
        queue.intakeDesk?.lookupLost(edge: generation)
        for (token, job) in jobs where job.asked?.generation == generation {
          postpone(token, "lookup was restarted")
        }
      }
    )
  }

  private func received(_ message: LookupToQueue) {
    switch message {
    case .envelopes(let envelopes): queue.intakeDesk?.envelopes(envelopes)
    case .routing(let token, let envelopes): _ = routing(token, envelopes)
    case .routed(let token, let envelopes): routed(token, envelopes)
    case .unroutable(let token, let reply): unroutable(token, reply)
    }
  }

  /// These envelopes of one message owe notices, and are in flight in the schedule.
  func begin(_ envelopes: [StoredEnvelope]) {
    let byID = Dictionary(
      envelopes.map { ($0.envelope.id, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    for group in Bounce.groups(of: envelopes.map(\.envelope)) {
      begin(group.bounce, group.envelopes.compactMap { byID[$0.id] })
    }
    for stored in envelopes {
      if case .bounce = stored.envelope.kind { continue }
      // The store does not say yet what the schedule knows.
      queue.back(stored, .deferred, at: Clock.now())
    }
  }

  private func begin(_ bounce: Bounce, _ envelopes: [StoredEnvelope]) {
    let message = envelopes[0].message
    let notice = Notice(
      bounce,
      message: message,
      envelopes: envelopes.map(\.envelope),
      serverName: queue.projection.serverName,
      seed: UInt64.random(in: 0...UInt64.max),
      at: Clock.now()
    )
    let size = envelopes.reduce(notice.originalCount) {
      $0 + $1.envelope.memoryBytes + $1.message.memoryBytes
    }
    guard memory.take(size) else {
      for stored in envelopes {
        queue.back(stored, .held(under: NoticeDesk.waiting), at: Clock.now())
      }
      return
    }
    nextToken += 1
    let token = nextToken
    jobs[token] = Job(notice: notice, envelopes: envelopes, bytes: size)
    guard message.sender != nil else { return finish(token, with: nil) }
    let count = notice.originalCount
    queue.worker.read({ store throws(StoreError) in
      try NoticeDesk.original(of: message.id, count: count, in: store)
    }) { [unowned self] result in
      // A notice without the original is better than none.
      let original = (try? result.get()) ?? []
      queue.identifiers?.reserve(1) { [unowned self] id, _ in
        ask(token, id: id, original: original)
      }
    }
  }

  private static func original(
    of message: MessageID,
    count: Int,
    in store: any Store
  ) throws(StoreError) -> [UInt8] {
    var original: [UInt8] = []
    while original.count < count {
      let part = try store.body(
        of: message,
        from: original.count,
        count: min(64 << 10, count - original.count)
      )
      guard !part.isEmpty else { break }
      original += part
    }
    return original
  }

  /// Composes the notice, and asks lookup where it goes.
  private func ask(_ token: UInt64, id: MessageID, original: [UInt8]) {
    guard let job = jobs[token] else { return }
    guard let recipient = job.notice.message.sender,
      let generation = edges.keys.max(), let lookup = edges[generation]
    else { return postpone(token, "lookup is not running") }
    let composed = job.notice.compose(original: original)
    var session = job.notice.message.session
    session.source = .local
    session.serverName = queue.projection.serverName
    session.helo = queue.projection.serverName
    session.hostname = "localhost"
    session.user = nil
    session.tag = ""
    var message = Message(
      id: id,
      sender: nil,
      created: Clock.now(),
      size: composed.bytes.count,
      session: session
    )
    message.content = composed.content
    jobs[token]?.asked = (message, composed.bytes, generation)
    lookup.send(.route(token: token, message, recipient: recipient))
  }

  /// Returns false when the job is over.
  private func routing(_ token: UInt64, _ envelopes: [Envelope]) -> Bool {
    guard let job = jobs[token], let asked = job.asked else { return false }
    guard envelopes.allSatisfy({ $0.id.message == asked.message.id }),
      job.routed.count + envelopes.count <= Limits.envelopes
    else {
      postpone(token, "lookup knew no way for the notice")
      return false
    }
    let size = envelopes.reduce(0) { $0 + $1.memoryBytes }
    jobs[token]?.routed += envelopes
    jobs[token]?.bytes += size
    memory.grow(size)
    return true
  }

  private func routed(_ token: UInt64, _ envelopes: [Envelope]) {
    guard routing(token, envelopes), let job = jobs[token], let asked = job.asked else { return }
    guard !job.routed.isEmpty, Set(job.routed.map(\.id)).count == job.routed.count else {
      return postpone(token, "lookup knew no way for the notice")
    }
    finish(
      token,
      with: NewMessage(
        message: asked.message,
        envelopes: job.routed,
        body: .bytes(asked.body)
      )
    )
  }

  private func unroutable(_ token: UInt64, _ reply: Reply) {
    guard let job = jobs[token] else { return }
    guard reply.isPermanent else { return postpone(token, reply.lines[0]) }
    for stored in job.envelopes {
      queue.context.log.warn(
        "queue: the notice about \(stored.envelope.id) is dropped: its recipient "
          + "<\(stored.message.senderText)> is refused: \(reply.code) \(reply.lines[0])"
      )
    }
    finish(token, with: nil)
  }

  /// The second step of a bounce: the notice in, the envelopes out, in one transaction.
  private func finish(_ token: UInt64, with notice: NewMessage?) {
    guard let job = jobs.removeValue(forKey: token) else { return }
    let size = job.bytes
    var changes: [Change] = []
    var isOwed = false
    var removed: [StoredEnvelope] = []
    let now = Clock.now()
    for stored in job.envelopes {
      let id = stored.envelope.id
      switch queue.scheduler.completed(id, .finished, at: now) {
      case .gone(let siblings):
        isOwed = true
        changes += queue.changesForGone(id, siblings)
      // The operator did not want it any more.
      case .removed(let siblings):
        removed.append(stored)
        changes += queue.changesForGone(id, siblings)
      case .kept, .held, .notInFlight: break
      }
    }
    guard let notice, isOwed else {
      free(size)
      commit(changes, removed)
      return
    }
    queue.statistics.notices += 1
    changes.insert(.insert(notice), at: 0)
    let ticket = QueueService.Ticket.notice(notice) { [unowned self, removed] stored in
      free(size)
      queue.tellRemoved(removed)
      queue.accepted(stored)
      queue.dispatchDesk?.pump()
    }
    queue.add(changes, ticket, .now)
  }

  /// So much memory is free again. Those that waited for it go on.
  private func free(_ size: Int) {
    guard let release = memory.free(size) else { return }
    if queue.scheduler.release(NoticeDesk.waiting, release, at: Clock.now()) > 0 {
      queue.context.loop.assumeIsolated().execute { [unowned self] in queue.dispatchDesk?.pump() }
    }
  }

  /// Tried again later; the envelopes are what they were.
  private func postpone(_ token: UInt64, _ why: String) {
    guard let job = jobs.removeValue(forKey: token) else { return }
    free(job.bytes)
    queue.context.log.debug("queue: a notice waits: \(why)")
    let now = Clock.now()
    var changes: [Change] = []
    var removed: [StoredEnvelope] = []
    for stored in job.envelopes {
      let progress = stored.envelope.progress
      switch queue.scheduler.completed(stored.envelope.id, .deferred, at: now) {
      case .gone(let siblings):
        changes += queue.changesForGone(stored.envelope.id, siblings)
      case .removed(let siblings):
        removed.append(stored)
        changes += queue.changesForGone(stored.envelope.id, siblings)
      case .kept, .held:
        changes.append(
          .update(
            stored.envelope.id,
            .deferred(
              at: now,
              status: progress.lastStatus,
              error: progress.lastError,
              peer: progress.lastPeer
            )
          )
        )
      case .notInFlight: break
      }
    }
    commit(changes, removed)
  }

  private func commit(_ changes: [Change], _ removed: [StoredEnvelope]) {
    guard !changes.isEmpty else { return }
    queue.commit(changes, .soon) { [unowned self] in queue.tellRemoved(removed) }
  }
}
