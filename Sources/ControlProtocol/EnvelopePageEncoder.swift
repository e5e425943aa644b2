// SPDX-License-Identifier: ISC

internal import Mail
package import Queue

/// Builds the content of one `ControlResponse.envelopes` row by row, bounded, without the rows as an
/// array. Records go in as they are stored; consecutive envelopes of one message carry it once.
///
/// The layout is described in `schema/control.md`; `EnvelopeRow+Decoding.swift` reads it.
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
    precondition(row.envelope.id.message == row.message.id, "an envelope of another message")
    return append(
      StoredRecord(StoredEnvelope(message: row.message, envelope: row.envelope)),
      row.place
    )
  }

  /// The same with records.
  package mutating func append(_ record: StoredRecord, _ place: EnvelopePlace) -> Bool {
    guard count < ControlLimits.rowsPerPage, writer.count < ControlLimits.pageBytes else {
      return false
    }
    let presence = RowPresence(place, sameMessage: lastMessage == record.id.message)
    writer.write(presence.rawValue)
    if !presence.contains(.sameMessage) {
      writer.writeVariable(UInt64(record.id.message.rawValue))
      writer.write(record.message)
    }
    writer.writeVariable(UInt64(record.id.low))
    writer.write(record.envelope)
    writer.write(place.state.code)
    if let nextTry = place.nextTry { writer.writeVariable(signed: nextTry.milliseconds) }
    if let since = place.inflightSince { writer.writeVariable(signed: since.milliseconds) }
    if let task = place.inflightTask { writer.writeVariable(task) }
    writer.writeVariable(signed: place.expiry.milliseconds)
    lastMessage = record.id.message
    count += 1
    return true
  }

  /// The encoded response.
  package consuming func finish() -> [UInt8] {
    writer.overwrite(at: 1, with: UInt32(count))
    return writer.finish()
  }
}

/// What a row has and leaves out.
struct RowPresence: OptionSet {
  let rawValue: UInt8

  /// The message is the one of the row before.
  static let sameMessage = RowPresence(rawValue: 1 << 0)
  static let nextTry = RowPresence(rawValue: 1 << 1)
  static let inflightSince = RowPresence(rawValue: 1 << 2)
  static let inflightTask = RowPresence(rawValue: 1 << 3)

  /// All bits that have a meaning.
  static let known: RowPresence = [.sameMessage, .nextTry, .inflightSince, .inflightTask]

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ place: EnvelopePlace, sameMessage: Bool) {
    var presence: RowPresence = sameMessage ? .sameMessage : []
    if place.nextTry != nil { presence.insert(.nextTry) }
    if place.inflightSince != nil { presence.insert(.inflightSince) }
    if place.inflightTask != nil { presence.insert(.inflightTask) }
    self = presence
  }
}
