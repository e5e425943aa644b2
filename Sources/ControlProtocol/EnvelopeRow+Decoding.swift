// SPDX-License-Identifier: ISC

import Mail
import Queue

extension EnvelopeRow {
  /// Reads the rows that `EnvelopePageEncoder` wrote, behind the tag.
  static func page(from reader: inout ByteReader) throws(DecodingError) -> [EnvelopeRow] {
    let count = Int(try reader.readInteger(UInt32.self))
    guard count <= ControlLimits.rowsPerPage else { throw .tooLong(field: "page", length: count) }
    var rows: [EnvelopeRow] = []
    rows.reserveCapacity(count)
    var message: Message?
    for _ in 0..<count { rows.append(try EnvelopeRow(from: &reader, following: &message)) }
    return rows
  }

  private init(
    from reader: inout ByteReader,
    following last: inout Message?
  ) throws(DecodingError) {
    let presence = RowPresence(rawValue: try reader.readByte())
    guard presence.isSubset(of: .known) else { throw .invalid(field: "row") }
    if !presence.contains(.sameMessage) {
      guard let id = MessageID(try reader.number32()) else {
        throw .invalid(field: "message identifier")
      }
      last = try Message(id: id, record: try reader.record(of: "message"))
    }
    guard let message = last else { throw .invalid(field: "first row of a page") }
    guard let id = EnvelopeID(message: message.id, low: try reader.number32()) else {
      throw .invalid(field: "envelope identifier")
    }
    self.init(
      message: message,
      envelope: try Envelope(id: id, record: try reader.record(of: "envelope")),
      place: try EnvelopePlace(from: &reader, presence)
    )
  }
}

extension EnvelopePlace {
  fileprivate init(
    from reader: inout ByteReader,
    _ presence: RowPresence
  ) throws(DecodingError) {
    guard let state = RuntimeState(code: try reader.readByte()) else {
      throw .invalid(field: "state")
    }
    self.state = state
    nextTry = presence.contains(.nextTry) ? try reader.instant() : nil
    inflightSince = presence.contains(.inflightSince) ? try reader.instant() : nil
    inflightTask = presence.contains(.inflightTask) ? try reader.readVariable() : nil
    expiry = try reader.instant()
  }
}

extension ByteReader {
  fileprivate mutating func record(of field: StaticString) throws(DecodingError) -> ByteReader {
    try readSection(of: field, atMost: RecordLimits.record)
  }

  fileprivate mutating func instant() throws(DecodingError) -> Instant {
    Instant(milliseconds: try readVariableSigned())
  }

  fileprivate mutating func number32() throws(DecodingError) -> UInt32 {
    UInt32(try readCount(of: "number", atMost: Int(UInt32.max)))
  }
}
