// SPDX-License-Identifier: ISC

internal import Mail

extension StoreCopy {
  enum Side {
    case source
    case destination
  }

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

  func cursor(over store: any Store, _ side: Side) throws(CopyError) -> MessageCursor {
    try of(side) { () throws(StoreError) in try MessageCursor(store, page: limits.page) }
  }

  func advance(_ cursor: inout MessageCursor, _ side: Side) throws(CopyError) {
    do throws(StoreError) {
      try cursor.advance()
    } catch {
      throw side == .source ? .source(error) : .destination(error)
    }
  }

  private func of<Value>(
    _ side: Side,
    _ work: () throws(StoreError) -> Value
  ) throws(CopyError) -> Value {
    switch side {
    case .source: try fromSource(work)
    case .destination: try toDestination(work)
    }
  }

  /// Walks both stores side by side and throws at the first difference.
  mutating func compare(_ report: (Progress) -> Void) throws(CopyError) {
    var (from, to) = (
      try cursor(over: source, .source), try cursor(over: destination, .destination)
    )
    while let entry = from.current {
      guard let present = to.current, present.message.isCopy(of: entry.message),
        present.hasCopies(of: entry)
      else { throw .differs(record: "message \(entry.message.id)") }
      try compareBodies(of: entry.message.id)
      progress.messagesVerified += 1
      report(progress)
      try advance(&from, .source)
      try advance(&to, .destination)
    }
    if let surplus = to.current { throw .differs(record: "message \(surplus.message.id)") }
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

extension MessageCursor.Entry {
  /// Whether the envelopes are those of `other`, but for parts of a second.
  func hasCopies(of other: MessageCursor.Entry) -> Bool {
    if envelopes == other.envelopes { return true }
    return envelopes.count == other.envelopes.count
      && zip(envelopes, other.envelopes).allSatisfy { $0.inSeconds == $1.inSeconds }
  }
}

extension Message {
  /// Whether this is `other`, but for parts of a second.
  func isCopy(of other: Message) -> Bool { self == other || inSeconds == other.inSeconds }
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
