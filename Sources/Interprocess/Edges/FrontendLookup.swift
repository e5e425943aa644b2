// SPDX-License-Identifier: ISC

package import Mail
internal import Queue

/// Frontend to lookup.
package enum FrontendToLookup: EdgeMessage {
  /// May this recipient be accepted, and what becomes of it? The envelopes go to the queue before
  /// the verdict goes back.
  case recipient(RecipientQuestion)
  /// Is it that user?
  case authenticate(AuthenticationQuestion)
  /// May the user send from that address?
  case sender(SenderQuestion)
  /// What name has the listener at this address of its own?
  case hostName(token: UInt64, listener: UInt16, IPAddress)
  /// Nobody needs to know any more what a session asked of recipients; it is answered still.
  case ended(SessionID, SourceAddress)

  /// A password is in it.
  package var isSecret: Bool { if case .authenticate = self { true } else { false } }

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .recipient(let question):
      writer.write(UInt8(1))
      question.encode(into: &writer)
    case .authenticate(let question):
      writer.write(UInt8(2))
      question.encode(into: &writer)
    case .sender(let question):
      writer.write(UInt8(3))
      question.encode(into: &writer)
    case .hostName(let token, let listener, let address):
      writer.write(UInt8(4))
      writer.write(token)
      writer.write(listener)
      writer.write(address)
    case .ended(let session, let source):
      writer.write(UInt8(5))
      writer.write(session.rawValue)
      writer.write(source)
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .recipient(try RecipientQuestion(decoding: &reader))
    case 2: self = .authenticate(try AuthenticationQuestion(decoding: &reader))
    case 3: self = .sender(try SenderQuestion(decoding: &reader))
    case 4:
      self = .hostName(
        token: try reader.readInteger(),
        listener: try reader.readInteger(),
        try reader.readIPAddress()
      )
    case 5: self = .ended(SessionID(try reader.readInteger()), try reader.readSource())
    default: throw .invalid(field: "message kind")
    }
  }
}

/// One RCPT of one transaction.
package struct RecipientQuestion: Equatable, Sendable {
  /// Given back with the verdict.
  package var token: UInt64
  /// The transaction's message as far as it is known: its size is zero.
  package var message: Message
  /// Whether the host name of the message's session is what the name servers say.
  package var reverseLookup: ReverseLookup
  /// The recipient's place in the transaction, from 0; makes the envelopes' identifiers distinct.
  package var index: UInt16
  /// How many envelopes of usual length it may stand for, together with the other recipients of the
  /// transaction that are not answered yet: beyond it this one alone is refused for now.
  package var room: UInt32
  /// How many the transaction was known to have when this was asked: what others took besides takes of the
  /// room, too.
  package var taken: UInt32
  package var recipient: Address
  package var notify: NotifyConditions
  package var originalRecipient: String?

  package init(
    token: UInt64,
    message: Message,
    reverseLookup: ReverseLookup = .answered,
    index: UInt16,
    room: UInt32,
    taken: UInt32,
    recipient: Address,
    notify: NotifyConditions,
    originalRecipient: String?
  ) {
    self.token = token
    self.message = message
    self.reverseLookup = reverseLookup
    self.index = index
    self.room = room
    self.taken = taken
    self.recipient = recipient
    self.notify = notify
    self.originalRecipient = originalRecipient
  }

  package func encode(into writer: inout ByteWriter) {
    writer.write(token)
    writer.write(message)
    writer.write(reverseLookup.rawValue)
    writer.write(index)
    writer.write(room)
    writer.write(taken)
    writer.write(recipient)
    writer.write(notify.rawValue)
    writer.write(originalRecipient ?? "")
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    token = try reader.readInteger()
    message = try reader.readMessage()
    guard let lookup = ReverseLookup(rawValue: try reader.readByte()) else {
      throw .invalid(field: "reverse lookup")
    }
    reverseLookup = lookup
    index = try reader.readInteger()
    room = try reader.readInteger()
    taken = try reader.readInteger()
    guard let recipient = try reader.readAddress() else { throw .invalid(field: "recipient") }
    self.recipient = recipient
    notify = NotifyConditions(rawValue: try reader.readByte())
    let original = try reader.readString(
      of: "original recipient",
      atMost: RecordLimits.originalRecipient
    )
    originalRecipient = original.isEmpty ? nil : original
  }
}

/// Lookup to frontend.
package enum LookupToFrontend: EdgeMessage {
  /// The recipient stands for these envelopes, which the queue has been sent over the edge of that generation,
  /// and which took so much of the room.
  case accepted(token: UInt64, taken: UInt32, edge: UInt32, envelopes: [EnvelopeID])
  case refused(token: UInt64, Reply)
  case authentication(token: UInt64, AuthenticationQuestion.Verdict)
  case sender(token: UInt64, SenderQuestion.Verdict)
  /// Nil: the listener's own name.
  case hostName(token: UInt64, String?)

  package func encode(into writer: inout ByteWriter) {
    switch self {
    case .accepted(let token, let taken, let edge, let envelopes):
      writer.write(UInt8(1))
      writer.write(token)
      writer.write(taken)
      writer.write(edge)
      writer.writeVariable(UInt64(envelopes.count))
      for envelope in envelopes { writer.write(envelope.rawValue) }
    case .refused(let token, let reply):
      writer.write(UInt8(2))
      writer.write(token)
      writer.write(reply)
    case .authentication(let token, let verdict):
      writer.write(UInt8(3))
      writer.write(token)
      writer.write(verdict.rawValue)
    case .sender(let token, let verdict):
      writer.write(UInt8(4))
      writer.write(token)
      writer.write(verdict.rawValue)
    case .hostName(let token, let name):
      writer.write(UInt8(5))
      writer.write(token)
      writer.write(clipped: name ?? "")
    }
  }

  package init(decoding reader: inout ByteReader) throws(DecodingError) {
    let kind = try reader.readByte()
    let token: UInt64 = try reader.readInteger()
    switch kind {
    case 1:
      let taken: UInt32 = try reader.readInteger()
      let edge: UInt32 = try reader.readInteger()
      var envelopes: [EnvelopeID] = []
      for _ in 0..<(try reader.readCount(of: "envelopes", atMost: EdgeLimits.expansion)) {
        envelopes.append(try reader.readEnvelopeID())
      }
      self = .accepted(token: token, taken: taken, edge: edge, envelopes: envelopes)
    case 2: self = .refused(token: token, try reader.readReply())
    case 3: self = .authentication(token: token, try reader.readVerdict())
    case 4: self = .sender(token: token, try reader.readVerdict())
    case 5:
      let name = try reader.readString(of: "host name", atMost: EdgeLimits.text)
      self = .hostName(token: token, name.isEmpty ? nil : name)
    default: throw .invalid(field: "message kind")
    }
  }
}
