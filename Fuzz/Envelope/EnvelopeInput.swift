// SPDX-License-Identifier: ISC

import Mail
import Queue

/// Any bytes as a record: of an envelope or, when the first byte is odd, of a message. What can be
/// read must be written in one form only.
enum EnvelopeInput {
  static func run(_ bytes: [UInt8]) {
    guard let choice = bytes.first, let id = EnvelopeID(1 << 32 | 1) else { return }
    let record = Array(bytes.dropFirst())
    if choice & 1 == 0 {
      guard let envelope = try? Envelope(id: id, record: record) else { return }
      let again = try? Envelope(id: id, record: envelope.encodedRecord())
      precondition(again?.encodedRecord() == envelope.encodedRecord())
    } else {
      guard let message = try? Message(id: id.message, record: record) else { return }
      let again = try? Message(id: id.message, record: message.encodedRecord())
      precondition(again?.encodedRecord() == message.encodedRecord())
    }
  }
}
