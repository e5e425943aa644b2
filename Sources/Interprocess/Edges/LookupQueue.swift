// SPDX-License-Identifier: ISC

package import Mail

/// Lookup to queue.
package enum LookupToQueue: EdgeMessage {
  /// Envelopes of one transaction that a frontend has open; may come in several messages.
  case envelopes([Envelope])
  /// The recipient of a notice that the queue asked about stands for these envelopes, and more follow.
  case routing(token: UInt64, [Envelope])
  /// And for these last ones.
  case routed(token: UInt64, [Envelope])
  case unroutable(token: UInt64, Reply)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .envelopes(let envelopes):
      writer.write(UInt8(1))
      encode(envelopes, into: &writer)
    case .routed(let token, let envelopes):
      writer.write(UInt8(2))
      writer.write(token)
      encode(envelopes, into: &writer)
    case .unroutable(let token, let reply):
      writer.write(UInt8(3))
      writer.write(token)
      writer.write(reply)
    case .routing(let token, let envelopes):
      writer.write(UInt8(4))
      writer.write(token)
      encode(envelopes, into: &writer)
    }
  }

  private func encode(_ envelopes: [Envelope], into writer: inout ByteWriter) {
    precondition(envelopes.count <= EdgeLimits.envelopes)
    writer.writeVariable(UInt64(envelopes.count))
    for envelope in envelopes { writer.write(envelope) }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .envelopes(try LookupToQueue.envelopes(&reader))
    case 2:
      self = .routed(token: try reader.readInteger(), try LookupToQueue.envelopes(&reader))
    case 3: self = .unroutable(token: try reader.readInteger(), try reader.readReply())
    case 4:
      self = .routing(token: try reader.readInteger(), try LookupToQueue.envelopes(&reader))
    default: throw .invalid(field: "message kind")
    }
  }

  private static func envelopes(_ reader: inout ByteReader) throws(DecodingError) -> [Envelope] {
    var envelopes: [Envelope] = []
    for _ in 0..<(try reader.readCount(of: "envelopes", atMost: EdgeLimits.envelopes)) {
      envelopes.append(try reader.readEnvelope())
    }
    return envelopes
  }
}

/// Queue to lookup.
package enum QueueToLookup: EdgeMessage {
  /// Where would a notice go that we send to `recipient`?
  case route(token: UInt64, Message, recipient: Address)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .route(let token, let message, let recipient):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(message)
      writer.write(recipient)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    guard try reader.readByte() == 1 else { throw .invalid(field: "message kind") }
    let token: UInt64 = try reader.readInteger()
    let message = try reader.readMessage()
    guard let recipient = try reader.readAddress() else { throw .invalid(field: "recipient") }
    self = .route(token: token, message, recipient: recipient)
  }
}
