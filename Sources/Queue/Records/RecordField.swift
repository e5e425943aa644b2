// SPDX-License-Identifier: ISC

internal import Mail

/// The frame of a record: a version byte, then fields of a variable-length tag, a variable-length
/// length, and content. A tag that a reader does not know is skipped and kept.
///
/// The formats are described in `schema/records.md`.
enum RecordField {
  /// Writes one field unless its content is the default.
  static func write(_ tag: UInt64, _ text: String, to writer: inout ByteWriter) {
    guard !text.isEmpty else { return }
    writer.writeVariable(tag)
    writer.write(text)
  }

  static func write(_ tag: UInt64, number: Int64, to writer: inout ByteWriter) {
    guard number != 0 else { return }
    writer.writeVariable(tag)
    var content = ByteWriter(reserving: 10)
    content.writeVariable(signed: number)
    writer.write(content.finish())
  }

  static func write(
    _ tag: UInt64,
    to writer: inout ByteWriter,
    _ body: (inout ByteWriter) -> Void
  ) {
    writer.writeVariable(tag)
    var content = ByteWriter(reserving: 32)
    body(&content)
    writer.write(content.finish())
  }

  /// Reads the number that a field consists of.
  static func number(_ section: inout ByteReader) throws(DecodingError) -> Int64 {
    let value = try section.readVariableSigned()
    try section.expectEnd()
    return value
  }

  static func text(
    _ section: inout ByteReader,
    _ field: StaticString,
    atMost limit: Int
  ) throws(DecodingError) -> String {
    try section.readRestString(of: field, atMost: limit)
  }
}

/// How long the parts of a stored record may be, in bytes.
package enum RecordLimits {
  package static let name = 255
  package static let tag = 32
  package static let addressPart = 1024
  package static let command = 4096
  package static let envelopeIdentifier = 400
  package static let originalRecipient = 1600
  package static let errorText = Envelope.errorTextMax
  /// Of a whole record; a longer one is damaged.
  package static let record = 65_536
}
