// SPDX-License-Identifier: ISC

internal import Mail

/// Walks the messages of a store in rising order, each with all its envelopes.
///
/// Reads ahead by at most a page. What is inserted below or at the current message meanwhile is not
/// seen, nor what is inserted once the end was reached.
struct MessageCursor {
  /// A message and all its envelopes, in rising order.
  struct Entry {
    let message: Message
    var envelopes: [Envelope]
  }

  /// Where the walk is; nil at the end.
  private(set) var current: Entry?

  private let store: any Store
  private let limit: Int
  private var page: ArraySlice<StoredEnvelope> = []
  private var after: EnvelopeID?
  private var isAtEnd = false

  /// At the first message.
  init(_ store: any Store, page limit: Int) throws(StoreError) {
    self.store = store
    self.limit = limit
    try advance()
  }

  mutating func advance() throws(StoreError) {
    current = nil
    while let stored = try peek() {
      if let entry = current, entry.message.id != stored.message.id { return }
      if current == nil { current = Entry(message: stored.message, envelopes: []) }
      current?.envelopes.append(stored.envelope)
      page.removeFirst()
    }
  }

  private mutating func peek() throws(StoreError) -> StoredEnvelope? {
    while page.isEmpty, !isAtEnd {
      let read = try store.page(after: after, limit: limit)
      page = read.envelopes[...]
      after = read.next
      isAtEnd = read.next == nil
    }
    return page.first
  }
}
