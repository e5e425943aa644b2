// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import Queue
internal import Scheduler

/// Makes the notices that failed, delayed and delivered envelopes owe their senders.
///
/// A notice is a message like any other: composed here, routed by lookup, and inserted in the same
/// transaction that removes the envelopes it tells of, so that at no moment neither exists.
final class NoticeDesk {
  typealias LookupEdge = Edge<QueueToLookup, LookupToQueue>

  /// A notice on its way, from the envelopes that are due to the commit.
  private struct Job {
    let envelopes: [StoredEnvelope]
    var notice: NewMessage?
  }

  private unowned let queue: QueueService
  private var lookup: LookupEdge?
  private var jobs: [UInt64: Job] = [:]
  private var nextToken: UInt64 = 0

  init(_ queue: QueueService) { self.queue = queue }

  func connectLookup(_ generation: UInt32, _ descriptor: CInt) {
    // The old edge is drained first: what lookup had sent before it died still counts.
    let edge = LookupEdge(
      descriptor: descriptor,
      peer: .lookup,
      on: queue.context.loop,
      receive: { [unowned self] in received($0) },
      ended: { [unowned self] ending in
        if case .violated(let why) = ending { queue.context.log.warn("lookup's edge: \(why)") }
        lookupGenerations.remove(generation)
        if lookupGenerations.isEmpty { lookup = nil }
        queue.intakeDesk?.lookupLost()
        for token in Array(jobs.keys) { postpone(token, "lookup was restarted") }
      }
    )
    lookupGenerations.insert(generation)
    lookup = edge
  }

  private var lookupGenerations: Set<UInt32> = []

  private func received(_ message: LookupToQueue) {
    switch message {
    case .envelopes(let envelopes): queue.intakeDesk?.envelopes(envelopes)
    case .routed(let token, let envelopes): routed(token, envelopes)
    case .unroutable(let token, let reply): unroutable(token, reply)
    }
  }

  /// These envelopes of one message owe notices of one kind, and are in flight in the schedule.
  func begin(_ envelopes: [StoredEnvelope]) {
    nextToken += 1
    let token = nextToken
    jobs[token] = Job(envelopes: envelopes)
    let message = envelopes[0].message
    guard let notice = notice(about: envelopes) else { return finish(token, with: nil) }
    let count = notice.originalCount
    queue.worker.read({ store throws(StoreError) in
      try NoticeDesk.original(of: message.id, count: count, in: store)
    }) { [unowned self] result in
      // A notice without the original is better than none.
      let original = (try? result.get()) ?? []
      queue.identifiers?.reserve(1) { [unowned self] id, _ in
        compose(token, notice, id: id, original: original)
      }
    }
  }

  private func notice(about envelopes: [StoredEnvelope]) -> Notice? {
    guard case .bounce(let bounce) = envelopes[0].envelope.kind else { return nil }
    return Notice(
      bounce,
      message: envelopes[0].message,
      envelopes: envelopes.map(\.envelope),
      serverName: queue.projection.serverName,
      seed: UInt64.random(in: 0...UInt64.max),
      at: Clock.now()
    )
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

  private func compose(_ token: UInt64, _ notice: Notice, id: MessageID, original: [UInt8]) {
    guard let job = jobs[token], let recipient = job.envelopes[0].message.sender else {
      return finish(token, with: nil)
    }
    let now = Clock.now()
    let first = job.envelopes[0]
    let composed = notice.compose(original: original)
    var session = first.message.session
    session.source = .local
    session.serverName = queue.projection.serverName
    session.helo = queue.projection.serverName
    session.hostname = "localhost"
    session.user = nil
    session.tag = ""
    var message = Message(
      id: id,
      sender: nil,
      created: now,
      size: composed.bytes.count,
      session: session
    )
    message.content = composed.content
    guard let lookup else { return postpone(token, "lookup is not running") }
    jobs[token]?.notice = NewMessage(
      message: message,
      // Replaced by what lookup says.
      envelopes: [first.envelope],
      body: .bytes(composed.bytes)
    )
    lookup.send(.route(token: token, message, recipient: recipient))
  }

  private func routed(_ token: UInt64, _ envelopes: [Envelope]) {
    guard var notice = jobs[token]?.notice,
      !envelopes.isEmpty, envelopes.allSatisfy({ $0.id.message == notice.message.id })
    else { return postpone(token, "lookup knew no way for the notice") }
    notice.envelopes = envelopes
    finish(token, with: notice)
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
    var changes: [Change] = []
    if let notice { changes.append(.insert(notice)) }
    let now = Clock.now()
    for stored in job.envelopes {
      let id = stored.envelope.id
      switch queue.scheduler.completed(id, .finished, at: now) {
      case .gone(let siblings), .removed(let siblings):
        changes += queue.changesForGone(id, siblings)
      case .kept, .held, .notInFlight: break
      }
    }
    guard let notice else { return queue.commit(changes, .soon) {} }
    queue.statistics.notices += 1
    queue.commit(changes, .now) { [unowned self] in
      queue.accepted(notice)
      queue.dispatchDesk?.pump()
    }
  }

  /// Tried again later; the envelopes are what they were.
  private func postpone(_ token: UInt64, _ why: String) {
    guard let job = jobs.removeValue(forKey: token) else { return }
    queue.context.log.debug("queue: a notice waits: \(why)")
    let now = Clock.now()
    var changes: [Change] = []
    for stored in job.envelopes {
      let progress = stored.envelope.progress
      switch queue.scheduler.completed(stored.envelope.id, .deferred, at: now) {
      case .gone(let siblings), .removed(let siblings):
        changes += queue.changesForGone(stored.envelope.id, siblings)
      case .kept, .held:
        changes.append(
          .update(
            stored.envelope.id,
            .deferred(at: now, status: progress.lastStatus, error: progress.lastError)
          )
        )
      case .notInFlight: break
      }
    }
    if !changes.isEmpty { queue.commit(changes, .soon) {} }
  }
}
