// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue
internal import Scheduler

/// What a walk finds: envelopes, or their records as they are stored.
protocol WalkedEnvelope: Sendable {
  var id: EnvelopeID { get }

  /// The next of the store in rising order, and where to go on; nil at its end.
  static func page(
    of store: any Store,
    after: EnvelopeID?,
    limit: Int
  ) throws(StoreError) -> (found: [Self], next: EnvelopeID?)

  init(_ stored: StoredEnvelope)
}

extension StoredEnvelope: WalkedEnvelope {
  var id: EnvelopeID { envelope.id }

  init(_ stored: StoredEnvelope) { self = stored }

  static func page(
    of store: any Store,
    after: EnvelopeID?,
    limit: Int
  ) throws(StoreError) -> (found: [StoredEnvelope], next: EnvelopeID?) {
    let page = try store.page(after: after, limit: limit)
    return (page.envelopes, page.next)
  }
}

extension StoredRecord: WalkedEnvelope {
  static func page(
    of store: any Store,
    after: EnvelopeID?,
    limit: Int
  ) throws(StoreError) -> (found: [StoredRecord], next: EnvelopeID?) {
    let page = try store.records(after: after, limit: limit)
    return (page.records, page.next)
  }
}

/// Whether more of a walk may follow.
enum WalkPlace {
  case onTheWay
  case atEnd
}

/// Walks the envelopes that a query can be about: all, page by page, or the few that it names.
final class EnvelopeWalk<Found: WalkedEnvelope> {
  struct Step {
    var found: [Found]
    var place: WalkPlace
  }

  private typealias Page = (found: [Found], next: EnvelopeID?)

  private enum Position {
    case everywhere(after: EnvelopeID?)
    /// `after` is in the first of the messages.
    case messages(ArraySlice<MessageID>, after: EnvelopeID?, then: ArraySlice<EnvelopeID>)
    case envelopes(ArraySlice<EnvelopeID>)
  }

  private var position: Position

  init(_ scope: Query.Scope) {
    switch scope {
    case .everything: position = .everywhere(after: nil)
    case .only(let messages, let envelopes):
      position = .messages(messages[...], after: nil, then: envelopes[...])
    }
  }

  /// Reads the next envelopes; calls back on the loop.
  func next(
    in queue: QueueService,
    _ finished: @escaping (Result<Step, StoreError>) -> Void
  ) {
    switch position {
    case .everywhere(let after):
      queue.worker.ask({ store throws(StoreError) in
        try Found.page(of: store, after: after, limit: QueryDesk.Limits.page)
      }) { [self] result in
        finished(
          result.map { page in
            position = .everywhere(after: page.next)
            return Step(found: page.found, place: page.next == nil ? .atEnd : .onTheWay)
          }
        )
      }
    case .messages(let messages, let after, let envelopes):
      guard let message = messages.first else {
        position = .envelopes(envelopes)
        return next(in: queue, finished)
      }
      let start = after ?? EnvelopeID(UInt64(message.rawValue) << 32 - 1)
      queue.worker.ask({ store throws(StoreError) in
        try Found.page(of: store, after: start, limit: QueryDesk.Limits.page)
      }) { [self] result in
        finished(result.map { took($0, of: message, messages, envelopes) })
      }
    case .envelopes(let envelopes):
      let ids = Array(envelopes.prefix(QueryDesk.Limits.page))
      let rest = envelopes.dropFirst(ids.count)
      position = .envelopes(rest)
      queue.worker.ask({ store throws(StoreError) in
        var found: [Found] = []
        for id in ids {
          if let stored = try store.envelope(id) { found.append(Found(stored)) }
        }
        return found
      }) {
        finished($0.map { Step(found: $0, place: rest.isEmpty ? .atEnd : .onTheWay) })
      }
    }
  }

  private func took(
    _ page: Page,
    of message: MessageID,
    _ messages: ArraySlice<MessageID>,
    _ envelopes: ArraySlice<EnvelopeID>
  ) -> Step {
    let found = page.found.filter { $0.id.message == message }
    if let next = page.next, next.message == message {
      position = .messages(messages, after: next, then: envelopes)
      return Step(found: found, place: .onTheWay)
    }
    let rest = messages.dropFirst()
    position = .messages(rest, after: nil, then: envelopes)
    return Step(found: found, place: rest.isEmpty && envelopes.isEmpty ? .atEnd : .onTheWay)
  }
}
