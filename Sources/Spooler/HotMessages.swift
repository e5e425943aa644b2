// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue

/// Messages that were just accepted, kept until their first try is over: the usual message is written
/// once, deleted once and never read back.
struct HotMessages {
  struct Entry {
    var message: Message
    var envelopes: [EnvelopeID: Envelope]
    /// Nil for a staged body.
    var body: [UInt8]?
  }

  enum Limits {
    /// Bytes of bodies, all together.
    static let bytes = 48 << 20
  }

  private var entries: [MessageID: Entry] = [:]
  private var bytes = 0

  /// Keeps a message unless there is no room.
  mutating func keep(_ new: NewMessage) {
    var body: [UInt8]?
    if case .bytes(let content) = new.body { body = content }
    let size = body?.count ?? 0
    guard bytes + size <= Limits.bytes else { return }
    bytes += size
    var envelopes: [EnvelopeID: Envelope] = [:]
    for envelope in new.envelopes { envelopes[envelope.id] = envelope }
    entries[new.message.id] = Entry(message: new.message, envelopes: envelopes, body: body)
  }

  subscript(id: MessageID) -> Entry? { entries[id] }

  /// The envelope if it is kept, with its message.
  func stored(_ id: EnvelopeID) -> StoredEnvelope? {
    guard let entry = entries[id.message], let envelope = entry.envelopes[id] else { return nil }
    return StoredEnvelope(message: entry.message, envelope: envelope)
  }

  /// The envelope's record has changed or is gone; the message goes with the last one.
  mutating func forget(_ id: EnvelopeID) {
    let message = id.message
    guard entries[message]?.envelopes.removeValue(forKey: id) != nil else { return }
    if entries[message]?.envelopes.isEmpty == true { drop(message) }
  }

  mutating func drop(_ message: MessageID) {
    guard let entry = entries.removeValue(forKey: message) else { return }
    bytes -= entry.body?.count ?? 0
  }
}
