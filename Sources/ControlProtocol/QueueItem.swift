// SPDX-License-Identifier: ISC

package import Mail

/// A message with all its envelopes, or one envelope.
package enum QueueItem: Hashable, Sendable {
  case message(MessageID)
  case envelope(EnvelopeID)

  /// The message that is meant, or that the envelope belongs to.
  package var message: MessageID {
    switch self {
    case .message(let id): id
    case .envelope(let id): id.message
    }
  }

  func encode(to writer: inout ByteWriter) {
    switch self {
    case .message(let id):
      writer.write(UInt8(1))
      writer.write(id.rawValue)
    case .envelope(let id):
      writer.write(UInt8(2))
      writer.write(id.rawValue)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .message(try QueueItem.messageID(&reader))
    case 2: self = .envelope(try QueueItem.envelopeID(&reader))
    default: throw .invalid(field: "queue item")
    }
  }

  static func messageID(_ reader: inout ByteReader) throws(DecodingError) -> MessageID {
    guard let id = MessageID(try reader.readInteger()) else {
      throw .invalid(field: "message identifier")
    }
    return id
  }

  static func envelopeID(_ reader: inout ByteReader) throws(DecodingError) -> EnvelopeID {
    guard let id = EnvelopeID(try reader.readInteger()) else {
      throw .invalid(field: "envelope identifier")
    }
    return id
  }
}

extension QueueItem: CustomStringConvertible {
  package var description: String {
    switch self {
    case .message(let id): id.description
    case .envelope(let id): id.description
    }
  }
}
