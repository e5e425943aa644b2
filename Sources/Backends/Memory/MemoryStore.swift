// SPDX-License-Identifier: ISC

package import Mail
package import Queue

/// The volatile store: everything is gone when the process ends. For tests, and for `queue backend
/// ram`.
///
/// Also the plainest reading of what `Store` asks for, which the others are compared with. Bodies that
/// were staged are not supported: a volatile queue gains nothing from a file.
package final class MemoryStore: Store {
  private var messages: [MessageID: StoredMessage] = [:]
  private var envelopes: [EnvelopeID: Envelope] = [:]
  private var order = EnvelopeOrder()
  private var settings: [String: [UInt8]] = [:]
  private var counts = StoreStatistics()

  /// Asked before each `apply`; an error that it returns is thrown and nothing is changed.
  package var failure: (([Change]) -> StoreError?)?
  /// What opening again fails with.
  package var reopenFailure: (() -> StoreError?)?

  private struct StoredMessage {
    var message: Message
    var body: [UInt8]
    var envelopes: Set<EnvelopeID>
  }

  package init() {}

  package func open() throws(StoreError) -> OpenReport { OpenReport() }

  package func reopen() throws(StoreError) -> OpenReport {
    if let error = reopenFailure?() { throw error }
    return OpenReport()
  }

  @discardableResult
  package func close(within limit: Duration) throws(StoreError) -> CloseReport { CloseReport() }

  package func apply(_ changes: [Change]) throws(StoreError) {
    if let error = failure?(changes) { throw error }
    try check(changes)
    for change in changes { carryOut(change) }
  }

  /// Throws if any change is impossible, so that the others are not carried out either.
  private func check(_ changes: [Change]) throws(StoreError) {
    var inserted: Set<MessageID> = []
    var removed: Set<MessageID> = []
    for change in changes {
      switch change {
      case .insert(let new):
        let id = new.message.id
        let isNew = inserted.insert(id).inserted
        guard isNew, messages[id] == nil || removed.contains(id) else { throw .exists(id) }
      case .add(let envelope):
        let message = envelope.id.message
        let isThere = messages[message] != nil && !removed.contains(message)
        guard isThere || inserted.contains(message) else { throw .absent }
      case .removeMessage(let id):
        inserted.remove(id)
        removed.insert(id)
      case .update, .removeEnvelope, .set: break
      }
    }
  }

  private func carryOut(_ change: Change) {
    switch change {
    case .insert(let new): insert(new)
    case .add(let envelope):
      messages[envelope.id.message]?.envelopes.insert(envelope.id)
      add(envelope)
    case .update(let id, let update): envelopes[id]?.apply(update)
    case .removeEnvelope(let id):
      guard envelopes.removeValue(forKey: id) != nil else { return }
      messages[id.message]?.envelopes.remove(id)
    case .removeMessage(let id):
      guard let removed = messages.removeValue(forKey: id) else { return }
      counts.bodyBytes -= removed.body.count
      for envelope in removed.envelopes { envelopes[envelope] = nil }
    case .set(let name, let value): settings[name] = value
    }
  }

  private func insert(_ new: NewMessage) {
    guard case .bytes(let body) = new.body else {
      preconditionFailure("a staged body for the volatile store")
    }
    messages[new.message.id] = StoredMessage(
      message: new.message,
      body: body,
      envelopes: Set(new.envelopes.map(\.id))
    )
    counts.bodyBytes += body.count
    for envelope in new.envelopes { add(envelope) }
  }

  private func add(_ envelope: Envelope) {
    if envelopes.updateValue(envelope, forKey: envelope.id) == nil { order.insert(envelope.id) }
  }

  package func body(
    of message: MessageID,
    from offset: Int,
    count: Int
  ) throws(StoreError) -> [UInt8] {
    guard let body = messages[message]?.body else { throw .absent }
    precondition(offset >= 0 && count >= 0)
    return Array(body.dropFirst(offset).prefix(count))
  }

  package func page(after: EnvelopeID?, limit: Int) throws(StoreError) -> EnvelopePage {
    precondition(limit >= 1)
    order.forgetRemoved(live: envelopes.count) { envelopes[$0] != nil }
    var page = EnvelopePage(envelopes: [], next: nil)
    var index = order.index(after: after)
    while index < order.ids.count {
      if let stored = try envelope(order.ids[index]) {
        guard page.envelopes.count < limit else {
          page.next = page.envelopes.last?.envelope.id
          break
        }
        page.envelopes.append(stored)
      }
      index += 1
    }
    return page
  }

  package func envelope(_ id: EnvelopeID) throws(StoreError) -> StoredEnvelope? {
    guard let envelope = envelopes[id], let stored = messages[id.message] else { return nil }
    return StoredEnvelope(message: stored.message, envelope: envelope)
  }

  package func setting(_ name: String) throws(StoreError) -> [UInt8]? { settings[name] }

  package func statistics() -> StoreStatistics {
    var statistics = counts
    statistics.messages = messages.count
    statistics.envelopes = envelopes.count
    return statistics
  }

  package func maintain() throws(StoreError) -> MaintenanceState { .done }
}

/// Memory is taken for whole: nothing is ever moved aside here.
extension MemoryStore {
  package func verify(after: MessageID?, limit: Int) throws(StoreError) -> VerifyPage {
    precondition(limit >= 1)
    var page = VerifyPage()
    for id in messages.keys.sorted() where after.map({ id > $0 }) ?? true {
      guard page.messagesChecked < limit else { return page }
      page.messagesChecked += 1
      page.envelopesChecked += messages[id]?.envelopes.count ?? 0
      page.next = id
    }
    page.next = nil
    return page
  }

  package func quarantined() throws(StoreError) -> [QuarantinedRecord] { [] }

  package func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8] { throw .absent }

  package func restore(quarantined name: String) throws(StoreError) -> Restoration {
    throw .absent
  }

  package func discover(_ message: MessageID) throws(StoreError) -> [StoredEnvelope] { [] }
}
