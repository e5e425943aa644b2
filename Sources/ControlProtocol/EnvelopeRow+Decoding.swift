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
    following message: inout Message?
  ) throws(DecodingError) {
    let low = UInt16(try reader.readByte())
    let presence = RowPresence(rawValue: low | UInt16(try reader.readByte()) << 8)
    guard presence.isSubset(of: .known) else { throw .invalid(field: "row") }
    if !presence.contains(.sameMessage) { message = try Message(from: &reader, presence) }
    guard let message else { throw .invalid(field: "first row of a page") }
    self.message = message
    envelope = try Envelope(from: &reader, of: message.id, presence)
    envelope.progress = try Progress(from: &reader, presence)
    guard let state = RuntimeState(code: try reader.readByte()) else {
      throw .invalid(field: "state")
    }
    self.state = state
    nextTry = presence.contains(.nextTry) ? try reader.instant() : nil
    inflightSince = presence.contains(.inflightSince) ? try reader.instant() : nil
    expiry = try reader.instant()
  }
}

extension ByteReader {
  fileprivate mutating func text() throws(DecodingError) -> String {
    try readString(of: "text", atMost: ControlLimits.rowText)
  }

  fileprivate mutating func address() throws(DecodingError) -> Address {
    let local = try text()
    return Address(local: local, domain: try text())
  }

  fileprivate mutating func instant() throws(DecodingError) -> Instant {
    Instant(milliseconds: try readVariableSigned())
  }

  fileprivate mutating func number32() throws(DecodingError) -> UInt32 {
    UInt32(try readCount(of: "number", atMost: Int(UInt32.max)))
  }
}

extension Message {
  fileprivate init(
    from reader: inout ByteReader,
    _ presence: RowPresence
  ) throws(DecodingError) {
    guard let id = MessageID(try reader.number32()) else {
      throw .invalid(field: "message identifier")
    }
    let sender = presence.contains(.sender) ? try reader.address() : nil
    let created = try reader.instant()
    let size = try reader.readCount(of: "size", atMost: .max)
    let session = SessionID(try reader.readVariable())
    let source = try SourceAddress(from: &reader)
    let serverName = try reader.text()
    let helo = try reader.text()
    let hostname = try reader.text()
    let user = presence.contains(.user) ? try reader.text() : nil
    self.init(
      id: id,
      sender: sender,
      created: created,
      size: size,
      session: SessionFacts(
        id: session,
        source: source,
        serverName: serverName,
        helo: helo,
        hostname: hostname,
        user: user,
        tag: try reader.text()
      )
    )
    guard let transport = SessionFacts.Transport(rawValue: try reader.readByte()) else {
      throw .invalid(field: "transport")
    }
    self.session.transport = transport
    content = ContentFlags(rawValue: try reader.readByte())
    let wanted = try reader.readByte()
    returnContent = ReturnContent(rawValue: wanted)
    guard wanted == 0 || returnContent != nil else { throw .invalid(field: "returned content") }
    envelopeIdentifier = presence.contains(.envelopeIdentifier) ? try reader.text() : nil
    priority = Int8(bitPattern: try reader.readByte())
  }
}

extension SourceAddress {
  fileprivate init(from reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 0: self = .local
    case 4: self = .inet4(try reader.number32())
    case 6:
      let high = try reader.readVariable()
      self = .inet6(high, try reader.readVariable())
    default: throw .invalid(field: "source address")
    }
  }
}

extension Envelope {
  fileprivate init(
    from reader: inout ByteReader,
    of message: MessageID,
    _ presence: RowPresence
  ) throws(DecodingError) {
    guard let id = EnvelopeID(message: message, low: try reader.number32()) else {
      throw .invalid(field: "envelope identifier")
    }
    let kind = try Kind(from: &reader)
    let action = try reader.text()
    let recipient = try reader.address()
    let destination = presence.contains(.destination) ? try reader.address() : recipient
    guard let origin = Origin(rawValue: try reader.readByte()) else {
      throw .invalid(field: "origin")
    }
    self.init(
      id: id,
      kind: kind,
      action: action,
      recipient: recipient,
      destination: destination,
      created: try reader.instant()
    )
    self.origin = origin
    timeToLive = .milliseconds(try reader.readVariableSigned())
    notify = NotifyConditions(rawValue: try reader.readByte())
    originalRecipient = presence.contains(.originalRecipient) ? try reader.text() : nil
    holdUntil = presence.contains(.holdUntil) ? try reader.instant() : nil
    if presence.contains(.deliverBy) {
      guard let mode = DeliverBy.Mode(rawValue: try reader.readByte()) else {
        throw .invalid(field: "deliver by")
      }
      deliverBy = DeliverBy(deadline: try reader.instant(), mode: mode)
    }
  }
}

extension Envelope.Kind {
  fileprivate init(from reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 1: self = .relay
    case 2:
      let user = try reader.text()
      let subaddress = try reader.text()
      let text = try reader.text()
      guard let method = LocalDelivery.method(stored: text, form: try reader.readByte()) else {
        throw .invalid(field: "method")
      }
      self = .local(
        LocalDelivery(
          user: user,
          subaddress: subaddress.isEmpty ? nil : subaddress,
          method: method
        )
      )
    case 3: self = .bounce(.failed)
    case 4:
      let after = Duration.milliseconds(try reader.readVariableSigned())
      let timeToLive = Duration.milliseconds(try reader.readVariableSigned())
      self = .bounce(.delayed(after: after, timeToLive: timeToLive))
    case 5: self = .bounce(.delivered)
    default: throw .invalid(field: "kind")
    }
  }
}

extension Progress {
  fileprivate init(
    from reader: inout ByteReader,
    _ presence: RowPresence
  ) throws(DecodingError) {
    self.init()
    tries = UInt16(try reader.readCount(of: "tries", atMost: Int(UInt16.max)))
    lastTry = presence.contains(.lastTry) ? try reader.instant() : nil
    lastNotice = presence.contains(.lastNotice) ? try reader.instant() : nil
    lastError = try reader.text()
    if presence.contains(.lastStatus) {
      guard let `class` = EnhancedStatus.Class(rawValue: try reader.readByte()) else {
        throw .invalid(field: "status")
      }
      let subject = UInt16(try reader.readCount(of: "status", atMost: 999))
      let detail = UInt16(try reader.readCount(of: "status", atMost: 999))
      lastStatus = EnhancedStatus(`class`, subject, detail)
    }
    guard let suspension = Suspension(rawValue: try reader.readByte()) else {
      throw .invalid(field: "suspension")
    }
    self.suspension = suspension
    crashes = try reader.readByte()
  }
}
