// SPDX-License-Identifier: ISC

internal import Mail

/// Builds the content of one `ControlResponse.envelopes` row by row, bounded, without the rows as an
/// array. Consecutive envelopes of one message carry it once.
///
/// The layout is positional and described in `schema/control.md`; `EnvelopeRow+Decoding.swift` reads
/// it.
package struct EnvelopePageEncoder: Sendable {
  private var writer: ByteWriter
  private var lastMessage: MessageID?
  package private(set) var count = 0

  /// `ControlResponse`'s tag, and the count that is filled in at the end.
  static let tag: UInt8 = 1

  package init() {
    writer = ByteWriter(reserving: 64 * 1024)
    writer.write(EnvelopePageEncoder.tag)
    writer.write(UInt32(0))
  }

  package var isEmpty: Bool { count == 0 }

  /// Adds a row. Returns false, and adds nothing, when the page is full: send it and begin another.
  package mutating func append(_ row: EnvelopeRow) -> Bool {
    guard count < ControlLimits.rowsPerPage, writer.count < ControlLimits.pageBytes else {
      return false
    }
    precondition(row.envelope.id.message == row.message.id, "an envelope of another message")
    let presence = RowPresence(row, sameMessage: lastMessage == row.message.id)
    writer.write(UInt8(truncatingIfNeeded: presence.rawValue))
    writer.write(UInt8(truncatingIfNeeded: presence.rawValue >> 8))
    if !presence.contains(.sameMessage) { write(row.message) }
    write(row.envelope, presence)
    write(row.envelope.progress)
    writer.write(row.state.code)
    if let nextTry = row.nextTry { writer.writeVariable(signed: nextTry.milliseconds) }
    if let since = row.inflightSince { writer.writeVariable(signed: since.milliseconds) }
    writer.writeVariable(signed: row.expiry.milliseconds)
    lastMessage = row.message.id
    count += 1
    return true
  }

  /// The encoded response.
  package consuming func finish() -> [UInt8] {
    writer.overwrite(at: 1, with: UInt32(count))
    return writer.finish()
  }

  private mutating func write(_ text: String) {
    writer.write(text.cut(to: ControlLimits.rowText))
  }

  private mutating func write(_ address: Address) {
    write(address.local)
    write(address.domain)
  }

  private mutating func write(_ message: Message) {
    writer.writeVariable(UInt64(message.id.rawValue))
    if let sender = message.sender { write(sender) }
    writer.writeVariable(signed: message.created.milliseconds)
    writer.writeVariable(UInt64(message.size))
    writer.writeVariable(message.session.id.rawValue)
    switch message.session.source {
    case .local: writer.write(UInt8(0))
    case .inet4(let address):
      writer.write(UInt8(4))
      writer.writeVariable(UInt64(address))
    case .inet6(let high, let low):
      writer.write(UInt8(6))
      writer.writeVariable(high)
      writer.writeVariable(low)
    }
    write(message.session.serverName)
    write(message.session.helo)
    write(message.session.hostname)
    if let user = message.session.user { write(user) }
    write(message.session.tag)
    writer.write(message.session.transport.rawValue)
    writer.write(message.content.rawValue)
    writer.write(message.returnContent?.rawValue ?? 0)
    if let identifier = message.envelopeIdentifier { write(identifier) }
    writer.write(UInt8(bitPattern: message.priority))
  }

  private mutating func write(_ envelope: Envelope, _ presence: RowPresence) {
    writer.writeVariable(UInt64(envelope.id.low))
    switch envelope.kind {
    case .relay: writer.write(UInt8(1))
    case .local(let local):
      writer.write(UInt8(2))
      write(local.user)
      write(local.subaddress ?? "")
      let (text, form) = local.storedMethod
      write(text)
      writer.write(form)
    case .bounce(.failed): writer.write(UInt8(3))
    case .bounce(.delayed(let after, let timeToLive)):
      writer.write(UInt8(4))
      writer.writeVariable(signed: after.wholeMilliseconds)
      writer.writeVariable(signed: timeToLive.wholeMilliseconds)
    case .bounce(.delivered): writer.write(UInt8(5))
    }
    write(envelope.action)
    write(envelope.recipient)
    if presence.contains(.destination) { write(envelope.destination) }
    writer.write(envelope.origin.rawValue)
    writer.writeVariable(signed: envelope.created.milliseconds)
    writer.writeVariable(signed: envelope.timeToLive.wholeMilliseconds)
    writer.write(envelope.notify.rawValue)
    if let original = envelope.originalRecipient { write(original) }
    if let holdUntil = envelope.holdUntil {
      writer.writeVariable(signed: holdUntil.milliseconds)
    }
    if let deliverBy = envelope.deliverBy {
      writer.write(deliverBy.mode.rawValue)
      writer.writeVariable(signed: deliverBy.deadline.milliseconds)
    }
  }

  private mutating func write(_ progress: Progress) {
    writer.writeVariable(UInt64(progress.tries))
    if let lastTry = progress.lastTry { writer.writeVariable(signed: lastTry.milliseconds) }
    if let notice = progress.lastNotice { writer.writeVariable(signed: notice.milliseconds) }
    write(progress.lastError)
    if let status = progress.lastStatus {
      writer.write(status.class.rawValue)
      writer.writeVariable(UInt64(status.subject))
      writer.writeVariable(UInt64(status.detail))
    }
    writer.write(progress.suspension.rawValue)
    writer.write(progress.crashes)
  }
}

/// Which optional fields of a row follow.
struct RowPresence: OptionSet {
  let rawValue: UInt16

  static let sameMessage = RowPresence(rawValue: 1 << 0)
  static let sender = RowPresence(rawValue: 1 << 1)
  static let user = RowPresence(rawValue: 1 << 2)
  static let envelopeIdentifier = RowPresence(rawValue: 1 << 3)
  static let destination = RowPresence(rawValue: 1 << 4)
  static let originalRecipient = RowPresence(rawValue: 1 << 5)
  static let holdUntil = RowPresence(rawValue: 1 << 6)
  static let deliverBy = RowPresence(rawValue: 1 << 7)
  static let lastTry = RowPresence(rawValue: 1 << 8)
  static let lastNotice = RowPresence(rawValue: 1 << 9)
  static let lastStatus = RowPresence(rawValue: 1 << 10)
  static let nextTry = RowPresence(rawValue: 1 << 11)
  static let inflightSince = RowPresence(rawValue: 1 << 12)

  /// All bits that have a meaning.
  static let known = RowPresence(rawValue: (1 << 13) - 1)

  init(rawValue: UInt16) { self.rawValue = rawValue }

  init(_ row: EnvelopeRow, sameMessage: Bool) {
    var presence: RowPresence = sameMessage ? .sameMessage : []
    if !sameMessage {
      if row.message.sender != nil { presence.insert(.sender) }
      if row.message.session.user != nil { presence.insert(.user) }
      if row.message.envelopeIdentifier != nil { presence.insert(.envelopeIdentifier) }
    }
    let envelope = row.envelope
    if envelope.destination != envelope.recipient { presence.insert(.destination) }
    if envelope.originalRecipient != nil { presence.insert(.originalRecipient) }
    if envelope.holdUntil != nil { presence.insert(.holdUntil) }
    if envelope.deliverBy != nil { presence.insert(.deliverBy) }
    if envelope.progress.lastTry != nil { presence.insert(.lastTry) }
    if envelope.progress.lastNotice != nil { presence.insert(.lastNotice) }
    if envelope.progress.lastStatus != nil { presence.insert(.lastStatus) }
    if row.nextTry != nil { presence.insert(.nextTry) }
    if row.inflightSince != nil { presence.insert(.inflightSince) }
    self = presence
  }
}
