// SPDX-License-Identifier: ISC

package import Mail

/// A submit whose answer is owed: the message's number, and the session it came by. Somebody else may have
/// put another message of that number into the store.
package struct OwedSubmit: Hashable, Sendable {
  package let message: MessageID
  package let session: SessionID

  package init(_ message: MessageID, of session: SessionID) {
    self.message = message
    self.session = session
  }
}

/// Frontend to queue.
package enum FrontendToQueue: EdgeMessage {
  /// More message identifiers, please.
  case reserve
  /// A part of a body, in order; counts against the stream's window.
  case body(MessageID, [UInt8])
  /// All of the body has been sent: make it durable. `message` is whole now, `envelopes` says which ones
  /// lookup has sent for it, and `edge` the oldest generation of those that it sent them over.
  case submit(Message, envelopes: EnvelopeTally, edge: UInt32)
  /// The transaction ended without a submit; lookup has sent `envelopes` for it.
  case abort(MessageID, envelopes: UInt32)
  /// The first message of an edge: the submits whose answer is still owed.
  case reconcile([OwedSubmit])

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .reserve: writer.write(UInt8(1))
    case .body(let id, let bytes):
      writer.write(UInt8(2))
      writer.write(id.rawValue)
      writer.write(bytes)
    case .submit(let message, let envelopes, let edge):
      writer.write(UInt8(3))
      writer.write(message)
      writer.write(envelopes.count)
      writer.write(envelopes.sum)
      writer.write(edge)
    case .abort(let id, let envelopes):
      writer.write(UInt8(4))
      writer.write(id.rawValue)
      writer.write(envelopes)
    case .reconcile(let owed):
      writer.write(UInt8(5))
      writer.writeVariable(UInt64(owed.count))
      for submit in owed {
        writer.write(submit.message.rawValue)
        writer.write(submit.session.rawValue)
      }
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .reserve
    case 2:
      self = .body(
        try reader.readMessageID(),
        try reader.readBytes(of: "body", atMost: EdgeLimits.bodyChunk)
      )
    case 3:
      let message = try reader.readMessage()
      let count: UInt32 = try reader.readInteger()
      self = .submit(
        message,
        envelopes: EnvelopeTally(count: count, sum: try reader.readInteger()),
        edge: try reader.readInteger()
      )
    case 4: self = .abort(try reader.readMessageID(), envelopes: try reader.readInteger())
    case 5:
      var owed: [OwedSubmit] = []
      for _ in 0..<(try reader.readCount(of: "submits", atMost: 500_000)) {
        let message = try reader.readMessageID()
        owed.append(OwedSubmit(message, of: SessionID(try reader.readInteger())))
      }
      self = .reconcile(owed)
    default: throw .invalid(field: "message kind")
    }
  }
}

/// Queue to frontend.
package enum QueueToFrontend: EdgeMessage {
  /// Identifiers for new messages: `first` and up, `count` of them, without wrapping.
  case block(first: MessageID, count: UInt32)
  /// Whether new transactions are welcome; nil: yes, else the reply to MAIL.
  case admission(Reply?)
  /// So many more bytes of this body may come.
  case credit(MessageID, UInt32)
  case stored(MessageID)
  case refused(MessageID, Reply)
  /// Whether to accept connections: 1, or 0 while the operator has paused smtp.
  case listening(UInt8)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .block(let first, let count):
      writer.write(UInt8(1))
      writer.write(first.rawValue)
      writer.write(count)
    case .admission(let reply):
      writer.write(UInt8(reply == nil ? 2 : 3))
      if let reply { writer.write(reply) }
    case .credit(let id, let bytes):
      writer.write(UInt8(4))
      writer.write(id.rawValue)
      writer.write(bytes)
    case .stored(let id):
      writer.write(UInt8(5))
      writer.write(id.rawValue)
    case .refused(let id, let reply):
      writer.write(UInt8(6))
      writer.write(id.rawValue)
      writer.write(reply)
    case .listening(let state):
      writer.write(UInt8(7))
      writer.write(state)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .block(first: try reader.readMessageID(), count: try reader.readInteger())
    case 2: self = .admission(nil)
    case 3: self = .admission(try reader.readReply())
    case 4: self = .credit(try reader.readMessageID(), try reader.readInteger())
    case 5: self = .stored(try reader.readMessageID())
    case 6: self = .refused(try reader.readMessageID(), try reader.readReply())
    case 7: self = .listening(try reader.readByte())
    default: throw .invalid(field: "message kind")
    }
  }
}
