// SPDX-License-Identifier: ISC

package import Mail

extension Message {
  private enum Tag: UInt64 {
    case sender = 1
    case created = 2
    case size = 3
    case session = 4
    case source = 5
    case serverName = 6
    case helo = 7
    case hostname = 8
    case user = 9
    case tag = 10
    case transport = 11
    case content = 12
    case returnContent = 13
    case envelopeIdentifier = 14
    case priority = 15
  }

  private static let recordVersion: UInt8 = 1

  /// The message's record, without its identifier, which is the key it is stored under.
  package func encodedRecord() -> [UInt8] {
    var writer = ByteWriter(reserving: 160)
    writer.write(Message.recordVersion)
    if let sender {
      RecordField.write(Tag.sender.rawValue, to: &writer) { content in
        content.write(sender.local)
        content.write(sender.domain)
      }
    }
    RecordField.write(Tag.created.rawValue, number: created.milliseconds, to: &writer)
    RecordField.write(Tag.size.rawValue, number: Int64(size), to: &writer)
    RecordField.write(
      Tag.session.rawValue,
      number: Int64(bitPattern: session.id.rawValue),
      to: &writer
    )
    encodeSource(to: &writer)
    RecordField.write(Tag.serverName.rawValue, session.serverName, to: &writer)
    RecordField.write(Tag.helo.rawValue, session.helo, to: &writer)
    RecordField.write(Tag.hostname.rawValue, session.hostname, to: &writer)
    if let user = session.user {
      // Empty as well: it says that there was one.
      writer.writeVariable(Tag.user.rawValue)
      writer.write(user)
    }
    RecordField.write(Tag.tag.rawValue, session.tag, to: &writer)
    RecordField.write(
      Tag.transport.rawValue,
      number: Int64(session.transport.rawValue),
      to: &writer
    )
    RecordField.write(Tag.content.rawValue, number: Int64(content.rawValue), to: &writer)
    RecordField.write(
      Tag.returnContent.rawValue,
      number: Int64(returnContent?.rawValue ?? 0),
      to: &writer
    )
    RecordField.write(Tag.envelopeIdentifier.rawValue, envelopeIdentifier ?? "", to: &writer)
    RecordField.write(Tag.priority.rawValue, number: Int64(priority), to: &writer)
    writer.append(unknownFields)
    return writer.finish()
  }

  private func encodeSource(to writer: inout ByteWriter) {
    RecordField.write(Tag.source.rawValue, to: &writer) { content in
      switch session.source {
      case .local: break
      case .inet4(let address): content.write(address)
      case .inet6(let high, let low):
        content.write(high)
        content.write(low)
      }
    }
  }

  /// Reads what `encodedRecord` wrote.
  package init(id: MessageID, record: [UInt8]) throws(DecodingError) {
    try self.init(id: id, record: ByteReader(record))
  }

  /// The record is all that is left in the reader.
  package init(id: MessageID, record: ByteReader) throws(DecodingError) {
    guard record.remaining <= RecordLimits.record else {
      throw .tooLong(field: "message record", length: record.remaining)
    }
    var reader = record
    guard try reader.readByte() == Message.recordVersion else {
      throw .invalid(field: "message record version")
    }
    self.init(
      id: id,
      sender: nil,
      created: .epoch,
      size: 0,
      session: SessionFacts(
        id: SessionID(0),
        source: .local,
        serverName: "",
        helo: "",
        hostname: ""
      )
    )
    while !reader.isAtEnd {
      let tag = try reader.readVariable()
      var section = try reader.readSection(of: "message field", atMost: RecordLimits.record)
      if let known = Tag(rawValue: tag) {
        try decode(known, &section)
      } else {
        var kept = ByteWriter()
        kept.writeVariable(tag)
        kept.write(section.readRest())
        unknownFields += kept.finish()
      }
    }
  }

  private mutating func decode(_ tag: Tag, _ section: inout ByteReader) throws(DecodingError) {
    switch tag {
    case .sender:
      sender = Address(
        local: try section.readString(of: "sender", atMost: RecordLimits.addressPart),
        domain: try section.readString(of: "sender", atMost: RecordLimits.addressPart)
      )
    case .created: created = Instant(milliseconds: try RecordField.number(&section))
    case .size:
      guard let value = Int(exactly: try RecordField.number(&section)), value >= 0 else {
        throw .invalid(field: "size")
      }
      size = value
    case .priority:
      guard let value = Int8(exactly: try RecordField.number(&section)) else {
        throw .invalid(field: "priority")
      }
      priority = value
    case .content:
      content = ContentFlags(
        rawValue: UInt8(truncatingIfNeeded: try RecordField.number(&section))
      )
    case .returnContent:
      let value = try RecordField.number(&section)
      guard let known = ReturnContent(rawValue: UInt8(truncatingIfNeeded: value)) else {
        throw .invalid(field: "returned content")
      }
      returnContent = known
    case .envelopeIdentifier:
      envelopeIdentifier = try RecordField.text(
        &section,
        "envelope identifier",
        atMost: RecordLimits.envelopeIdentifier
      )
    default: try decodeSession(tag, &section)
    }
  }

  private mutating func decodeSession(
    _ tag: Tag,
    _ section: inout ByteReader
  ) throws(DecodingError) {
    switch tag {
    case .session:
      session.id = SessionID(UInt64(bitPattern: try RecordField.number(&section)))
    case .source:
      switch section.remaining {
      case 0: session.source = .local
      case 4: session.source = .inet4(try section.readInteger())
      case 16: session.source = .inet6(try section.readInteger(), try section.readInteger())
      default: throw .invalid(field: "source address")
      }
    case .serverName:
      session.serverName = try RecordField.text(&section, "server name", atMost: RecordLimits.name)
    case .helo: session.helo = try RecordField.text(&section, "helo", atMost: RecordLimits.name)
    case .hostname:
      session.hostname = try RecordField.text(&section, "host name", atMost: RecordLimits.name)
    case .user: session.user = try RecordField.text(&section, "user", atMost: RecordLimits.name)
    case .tag: session.tag = try RecordField.text(&section, "tag", atMost: RecordLimits.tag)
    case .transport:
      let value = try RecordField.number(&section)
      guard let known = SessionFacts.Transport(rawValue: UInt8(truncatingIfNeeded: value)) else {
        throw .invalid(field: "transport")
      }
      session.transport = known
    default: preconditionFailure("a message field that is not the session's: \(tag)")
    }
  }
}
