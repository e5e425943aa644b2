// SPDX-License-Identifier: ISC

internal import Mail

extension StoreCopy {
  enum Side {
    case source
    case destination
  }

  private func store(_ side: Side) -> any Store { side == .source ? source : destination }

  /// Runs `work`; an error is told as the source's.
  func fromSource<Value>(_ work: () throws(StoreError) -> Value) throws(CopyError) -> Value {
    do throws(StoreError) { return try work() } catch { throw .source(error) }
  }

  /// Runs `work`; an error is told as the destination's, unless `orSource` knows one of the source.
  func toDestination<Value>(
    _ work: () throws(StoreError) -> Value,
    orSource: () -> StoreError? = { nil }
  ) throws(CopyError) -> Value {
    do throws(StoreError) {
      return try work()
    } catch {
      if let source = orSource() { throw .source(source) }
      throw .destination(error)
    }
  }

  func page(of side: Side, after: EnvelopeID?) throws(CopyError) -> EnvelopePage {
    do throws(StoreError) {
      return try store(side).page(after: after, limit: limits.page)
    } catch {
      throw side == .source ? .source(error) : .destination(error)
    }
  }

  /// Calls `body` with each message and all its envelopes, in rising order.
  mutating func forEachMessage(
    of side: Side,
    _ body: (inout StoreCopy, Message, [Envelope]) throws(CopyError) -> Void
  ) throws(CopyError) {
    var message: Message?
    var envelopes: [Envelope] = []
    var next: EnvelopeID?
    repeat {
      let page = try page(of: side, after: next)
      for stored in page.envelopes {
        if let current = message, current.id != stored.message.id {
          try body(&self, current, envelopes)
          envelopes = []
        }
        message = stored.message
        envelopes.append(stored.envelope)
      }
      next = page.next
    } while next != nil
    if let message { try body(&self, message, envelopes) }
  }

  /// The envelopes of one message; none when the store does not have it.
  func envelopes(of id: MessageID, in side: Side) throws(CopyError) -> [StoredEnvelope] {
    var found: [StoredEnvelope] = []
    var next = id.rawValue == 1 ? nil : EnvelopeID(UInt64(id.rawValue - 1) << 32 | 0xffff_ffff)
    repeat {
      let page = try page(of: side, after: next)
      for stored in page.envelopes where stored.message.id == id { found.append(stored) }
      guard page.envelopes.last?.message.id ?? id <= id else { return found }
      next = page.next
    } while next != nil
    return found
  }

  /// Walks both stores side by side and throws at the first difference.
  mutating func compare(_ report: (Progress) -> Void) throws(CopyError) {
    try forEachMessage(of: .source) {
      (copy: inout StoreCopy, message, envelopes) throws(CopyError) in
      let present = try copy.envelopes(of: message.id, in: .destination)
      guard present.count == envelopes.count else {
        throw .differs(record: "message \(message.id)")
      }
      for (copied, envelope) in zip(present, envelopes)
      where !copied.isCopy(of: envelope, message) {
        throw .differs(record: "envelope \(envelope.id)")
      }
      try copy.compareBodies(of: message.id)
      copy.progress.messagesVerified += 1
      report(copy.progress)
    }
    var count = 0
    try forEachMessage(of: .destination) { (_, _, _) throws(CopyError) in count += 1 }
    guard count == progress.messagesVerified else { throw .differs(record: "the destination") }
  }

  private func compareBodies(of id: MessageID) throws(CopyError) {
    var offset = 0
    while true {
      let chunk = limits.chunk
      let ours = try fromSource { () throws(StoreError) in
        try source.body(of: id, from: offset, count: chunk)
      }
      let theirs = try toDestination { () throws(StoreError) in
        try destination.body(of: id, from: offset, count: chunk)
      }
      guard ours == theirs else { throw .differs(record: "body \(id)") }
      guard ours.count == chunk else { return }
      offset += chunk
    }
  }
}

extension Store {
  func text(of setting: String) throws(StoreError) -> String? {
    try self.setting(setting).map { String(decoding: $0, as: UTF8.self) }
  }

  /// A whole body, for stores that stage none.
  func wholeBody(of id: MessageID, _ chunk: Int) throws(StoreError) -> [UInt8] {
    var whole: [UInt8] = []
    while true {
      let part = try body(of: id, from: whole.count, count: chunk)
      whole += part
      guard part.count == chunk else { return whole }
    }
  }
}

extension StoredEnvelope {
  /// Whether this is `envelope` of `message`, but for parts of a second.
  func isCopy(of envelope: Envelope, _ message: Message) -> Bool {
    if self.envelope == envelope, self.message == message { return true }
    return self.envelope.inSeconds == envelope.inSeconds
      && self.message.inSeconds == message.inSeconds
  }
}

extension Envelope {
  fileprivate var inSeconds: Envelope {
    var rounded = self
    rounded.created = created.inSeconds
    rounded.timeToLive = .seconds(timeToLive.wholeSeconds)
    rounded.holdUntil = holdUntil?.inSeconds
    rounded.deliverBy?.deadline = deliverBy?.deadline.inSeconds ?? .epoch
    rounded.progress.lastTry = progress.lastTry?.inSeconds
    rounded.progress.lastNotice = progress.lastNotice?.inSeconds
    if case .bounce(.delayed(let after, let timeToLive)) = kind {
      rounded.kind = .bounce(
        .delayed(
          after: .seconds(after.wholeSeconds),
          timeToLive: .seconds(timeToLive.wholeSeconds)
        )
      )
    }
    return rounded
  }
}

extension Message {
  fileprivate var inSeconds: Message {
    var rounded = self
    rounded.created = created.inSeconds
    return rounded
  }
}

extension Instant {
  fileprivate var inSeconds: Instant { Instant(seconds: seconds) }
}
