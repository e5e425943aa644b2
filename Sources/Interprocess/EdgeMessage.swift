// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

/// One message of an edge: an `enum` with one case a message, in one fixed binary layout.
///
/// The layouts are described in `schema/edges.md`.
package protocol EdgeMessage: Sendable {
  func encode(into writer: inout ByteWriter)

  /// Reads one message. What is left behind it is an error that the edge reports.
  init(decoding reader: inout ByteReader) throws(DecodingError)

  /// Whether its bytes are overwritten as soon as they are of no use: a password is among them.
  var isSecret: Bool { get }
}

extension EdgeMessage {
  /// Most are not.
  package var isSecret: Bool { false }
}

/// Bounds of every edge.
package enum EdgeLimits {
  /// Of one frame without its length, in bytes. The sender keeps to it, the receiver checks it.
  package static let frame = 4 << 20
  /// Of the part of a body that travels in one frame.
  package static let bodyChunk = 64 << 10
  /// How much of one body may be on its way before its receiver asks for more.
  package static let bodyWindow = 256 << 10
  /// Envelopes in one frame: so few that the longest ones fit with a message and a body.
  package static let envelopes = 256
  /// Envelopes that one recipient may stand for: what their identifiers have room for.
  package static let expansion = 65_535
  /// Envelopes of one message.
  package static let envelopesOfMessage = 100_000
  /// What an envelope of usual length takes of memory, in bytes; a longer one counts for more than one
  /// against a bound on envelopes in memory.
  package static let usualEnvelope = 838
  /// How long lookup may think about a recipient, in milliseconds: a user database may hang, and a
  /// session that waits for it does not notice that its client is gone.
  package static let recipientAnswer: Int64 = 60_000
  /// Of a path.
  package static let path = 4096
  /// Of an included list.
  package static let list = 2 << 20
  /// Of one text: a reply line, an error, a name. A longer one is cut when it is sent.
  package static let text = 8192
  /// Lines of one reply.
  package static let replyLines = 100
}

extension ByteWriter {
  /// An address, or its absence.
  package mutating func write(_ address: Address?) {
    guard let address else { return write(UInt8(0)) }
    write(UInt8(1))
    write(address.local)
    write(address.domain)
  }

  /// A message with its identifier.
  package mutating func write(_ message: Message) {
    write(message.id.rawValue)
    write(message.encodedRecord())
  }

  /// An envelope with its identifier.
  package mutating func write(_ envelope: Envelope) {
    write(envelope.id.rawValue)
    write(envelope.encodedRecord())
  }

  package mutating func write(_ reply: Reply) {
    write(reply.code)
    write(reply.status)
    let lines = reply.lines.prefix(EdgeLimits.replyLines)
    writeVariable(UInt64(lines.count))
    for line in lines { write(clipped: line) }
  }

  /// A text, cut off behind `EdgeLimits.text` bytes.
  package mutating func write(clipped text: String) {
    guard text.utf8.count > EdgeLimits.text else { return write(text) }
    var end = text.utf8.index(text.utf8.startIndex, offsetBy: EdgeLimits.text)
    while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
    write(String(text.unicodeScalars[..<end]))
  }

  /// A status, or its absence.
  package mutating func write(_ status: EnhancedStatus?) {
    write(status?.class.rawValue ?? 0)
    if let status {
      write(status.subject)
      write(status.detail)
    }
  }
}

extension ByteReader {
  package mutating func readAddress() throws(DecodingError) -> Address? {
    switch try readByte() {
    case 0: return nil
    case 1:
      let local = try readString(of: "local part", atMost: RecordLimits.addressPart)
      let domain = try readString(of: "domain", atMost: RecordLimits.addressPart)
      return Address(local: local, domain: domain)
    default: throw .invalid(field: "address")
    }
  }

  package mutating func readMessageID() throws(DecodingError) -> MessageID {
    guard let id = MessageID(try readInteger()) else { throw .invalid(field: "message id") }
    return id
  }

  package mutating func readEnvelopeID() throws(DecodingError) -> EnvelopeID {
    guard let id = EnvelopeID(try readInteger()) else { throw .invalid(field: "envelope id") }
    return id
  }

  package mutating func readMessage() throws(DecodingError) -> Message {
    let id = try readMessageID()
    return try Message(
      id: id,
      record: try readBytes(of: "message", atMost: RecordLimits.record)
    )
  }

  package mutating func readEnvelope() throws(DecodingError) -> Envelope {
    let id = try readEnvelopeID()
    return try Envelope(
      id: id,
      record: try readBytes(of: "envelope", atMost: RecordLimits.record)
    )
  }

  package mutating func readReply() throws(DecodingError) -> Reply {
    let code: UInt16 = try readInteger()
    let status = try readStatus()
    let count = try readCount(of: "reply lines", atMost: EdgeLimits.replyLines)
    guard 200...599 ~= code, count > 0 else { throw .invalid(field: "reply") }
    var lines: [String] = []
    for _ in 0..<count {
      lines.append(try readString(of: "reply line", atMost: EdgeLimits.text))
    }
    return Reply(code: code, status: status, lines: lines)
  }

  package mutating func readStatus() throws(DecodingError) -> EnhancedStatus? {
    let number = try readByte()
    guard number != 0 else { return nil }
    let subject: UInt16 = try readInteger()
    let detail: UInt16 = try readInteger()
    guard let `class` = EnhancedStatus.Class(rawValue: number), subject <= 999, detail <= 999
    else { throw .invalid(field: "status") }
    return EnhancedStatus(`class`, subject, detail)
  }
}
