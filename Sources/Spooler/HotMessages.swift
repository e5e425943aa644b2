// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue

/// Messages that were just accepted, kept until their first try is over: the usual message is written
/// once, deleted once and never read back.
///
/// Only envelopes whose turn comes soon are kept. Within its bound what is here goes before what comes:
/// it is tried earlier. But what has not had its turn for long makes room, the oldest first.
struct HotMessages {
  struct Entry {
    var message: Message
    var envelopes: [EnvelopeID: Envelope]
    /// Nil for a staged body.
    var body: [UInt8]?
    /// What counts for it until it goes as a whole.
    fileprivate let bytes: Int
  }

  struct Limits {
    /// Bodies, envelopes and records, all together, in bytes.
    var bytes = 48 << 20
    /// What has waited longer is not tried soon.
    var age = Duration.seconds(60)
  }

  private let limits: Limits
  private var entries: [MessageID: Entry] = [:]
  private var order = ArrivalOrder<MessageID>()
  private(set) var bytes = 0

  init(limits: Limits = Limits()) { self.limits = limits }

  /// Keeps a message with those of its envelopes that wait for nothing but their turn, unless there is
  /// no room.
  mutating func keep(_ new: NewMessage, at now: Instant, where isNext: (Envelope) -> Bool) {
    while let oldest = order.oldest(), now - oldest.since > limits.age { drop(oldest.key) }
    let next = new.envelopes.filter(isNext)
    guard !next.isEmpty else { return }
    var body: [UInt8]?
    if case .bytes(let content) = new.body { body = content }
    let size = next.reduce(new.message.memoryBytes + (body?.count ?? 0)) { $0 + $1.memoryBytes }
    guard bytes + size <= limits.bytes else { return }
    drop(new.message.id)
    bytes += size
    var envelopes: [EnvelopeID: Envelope] = [:]
    envelopes.reserveCapacity(next.count)
    for envelope in next { envelopes[envelope.id] = envelope }
    entries[new.message.id] = Entry(
      message: new.message,
      envelopes: envelopes,
      body: body,
      bytes: size
    )
    order.add(new.message.id, at: now)
  }

  subscript(id: MessageID) -> Entry? { entries[id] }

  /// The envelope if it is kept, with its message.
  func stored(_ id: EnvelopeID) -> StoredEnvelope? {
    guard let entry = entries[id.message], let envelope = entry.envelopes[id] else { return nil }
    return StoredEnvelope(message: entry.message, envelope: envelope)
  }

  /// The envelope's record has changed, or its turn will not come soon; the message goes with the last
  /// one.
  mutating func forget(_ id: EnvelopeID) {
    let message = id.message
    guard entries[message]?.envelopes.removeValue(forKey: id) != nil else { return }
    if entries[message]?.envelopes.isEmpty == true { drop(message) }
  }

  mutating func drop(_ message: MessageID) {
    guard let entry = entries.removeValue(forKey: message) else { return }
    order.remove(message)
    bytes -= entry.bytes
    assert(bytes >= 0)
  }
}
