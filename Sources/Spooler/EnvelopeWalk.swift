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
    case named(messages: ArraySlice<MessageID>, envelopes: ArraySlice<EnvelopeID>)
  }

  private var position: Position

  init(_ scope: Query.Scope) {
    switch scope {
    case .everything: position = .everywhere(after: nil)
    case .only(let messages, let envelopes):
      position = .named(messages: messages[...], envelopes: envelopes[...])
    }
  }

  /// Reads the next envelopes; calls back on the loop.
  func next(
    in queue: QueueService,
    _ finished: @escaping (Result<Step, StoreError>) -> Void
  ) {
    switch position {
    case .everywhere(let after):
      queue.worker.read({ store throws(StoreError) in
        try store.page(after: after, limit: QueryDesk.Limits.page)
      }) { [self] result in
        finished(
          result.map { page in
            position = .everywhere(after: page.next)
            return Step(envelopes: page.envelopes, place: page.next == nil ? .atEnd : .onTheWay)
          }
        )
      }
    case .named(let messages, let envelopes):
      var ids: [EnvelopeID] = []
      if let message = messages.first {
        ids = queue.scheduler.envelopes(of: message).sorted()
        position = .named(messages: messages.dropFirst(), envelopes: envelopes)
      } else {
        ids = Array(envelopes.prefix(QueryDesk.Limits.page))
        position = .named(messages: [], envelopes: envelopes.dropFirst(ids.count))
      }
      let place: Place =
        messages.count <= 1
          && (messages.isEmpty ? envelopes.count - ids.count : envelopes.count) == 0
        ? .atEnd : .onTheWay
      let wanted = ids
      queue.worker.read({ store throws(StoreError) in
        var found: [StoredEnvelope] = []
        for id in wanted {
          if let stored = try store.envelope(id) { found.append(stored) }
        }
        return found
      }) { finished($0.map { Step(envelopes: $0, place: place) }) }
    }
  }
}
