// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue
internal import Scheduler

/// Walks the envelopes that a query can be about: all, page by page, or the few that it names.
final class EnvelopeWalk {
  struct Step {
    var envelopes: [StoredEnvelope]
    var place: Place
  }

  /// Whether more may follow.
  enum Place {
    case onTheWay
    case atEnd
  }

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
        try store.page(after: after, limit: QueryDesk.Limits.page)
      }) { [self] result in
        finished(
          result.map { page in
            position = .everywhere(after: page.next)
            return Step(envelopes: page.envelopes, place: page.next == nil ? .atEnd : .onTheWay)
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
        try store.page(after: start, limit: QueryDesk.Limits.page)
      }) { [self] result in
        finished(result.map { took($0, of: message, messages, envelopes) })
      }
    case .envelopes(let envelopes):
      let ids = Array(envelopes.prefix(QueryDesk.Limits.page))
      let rest = envelopes.dropFirst(ids.count)
      position = .envelopes(rest)
      queue.worker.ask({ store throws(StoreError) in try DispatchDesk.envelopes(ids, in: store) }) {
        finished($0.map { Step(envelopes: $0, place: rest.isEmpty ? .atEnd : .onTheWay) })
      }
    }
  }

  private func took(
    _ page: EnvelopePage,
    of message: MessageID,
    _ messages: ArraySlice<MessageID>,
    _ envelopes: ArraySlice<EnvelopeID>
  ) -> Step {
    let found = page.envelopes.filter { $0.message.id == message }
    if let next = page.next, next.message == message {
      position = .messages(messages, after: next, then: envelopes)
      return Step(envelopes: found, place: .onTheWay)
    }
    let rest = messages.dropFirst()
    position = .messages(rest, after: nil, then: envelopes)
    return Step(envelopes: found, place: rest.isEmpty && envelopes.isEmpty ? .atEnd : .onTheWay)
  }
}
