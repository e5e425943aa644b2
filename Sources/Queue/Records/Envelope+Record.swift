// SPDX-License-Identifier: ISC

package import Mail

extension Envelope {
  private enum Tag: UInt64 {
    case kind = 1
    case action = 2
    case recipient = 3
    case destination = 4
    case origin = 5
    case created = 6
    case timeToLive = 7
    case notify = 8
    case originalRecipient = 9
    case holdUntil = 10
    case deliverBy = 11
    case tries = 12
    case lastTry = 13
    case lastNotice = 14
    case lastError = 15
    case lastStatus = 16
    case suspension = 17
    case crashes = 18
    case lastPeer = 19
  }

  private static let recordVersion: UInt8 = 1

  /// The envelope's record, without its identifier, which is the key it is stored under.
  package func encodedRecord() -> [UInt8] {
    var writer = ByteWriter(reserving: 160)
    writer.write(Envelope.recordVersion)
    RecordField.write(Tag.kind.rawValue, to: &writer) { content in encodeKind(to: &content) }
    RecordField.write(Tag.action.rawValue, action, to: &writer)
    RecordField.write(Tag.recipient.rawValue, to: &writer) { content in
      content.write(recipient.local)
      content.write(recipient.domain)
    }
    if destination != recipient {
      RecordField.write(Tag.destination.rawValue, to: &writer) { content in
        content.write(destination.local)
        content.write(destination.domain)
      }
    }
    RecordField.write(Tag.origin.rawValue, number: Int64(origin.rawValue), to: &writer)
    RecordField.write(Tag.created.rawValue, number: created.milliseconds, to: &writer)
    RecordField.write(
      Tag.timeToLive.rawValue,
      number: timeToLive.wholeMilliseconds,
      to: &writer
    )
    RecordField.write(Tag.notify.rawValue, number: Int64(notify.rawValue), to: &writer)
    RecordField.write(Tag.originalRecipient.rawValue, originalRecipient ?? "", to: &writer)
    if let holdUntil {
      RecordField.write(Tag.holdUntil.rawValue, number: holdUntil.milliseconds, to: &writer)
    }
    if let deliverBy {
      RecordField.write(Tag.deliverBy.rawValue, to: &writer) { content in
        content.write(deliverBy.mode.rawValue)
        content.writeVariable(signed: deliverBy.deadline.milliseconds)
      }
    }
    encodeProgress(to: &writer)
    writer.append(unknownFields)
    return writer.finish()
  }

  private func encodeKind(to content: inout ByteWriter) {
    switch kind {
    case .relay: content.write(UInt8(1))
    case .local(let local):
      content.write(UInt8(2))
      content.write(local.user)
      content.write(local.subaddress ?? "")
      let (text, form) = local.storedMethod
      content.write(text)
      content.write(form)
    case .bounce(.failed): content.write(UInt8(3))
    case .bounce(.delayed(let after, let timeToLive)):
      content.write(UInt8(4))
      content.writeVariable(signed: after.wholeMilliseconds)
      content.writeVariable(signed: timeToLive.wholeMilliseconds)
    case .bounce(.delivered): content.write(UInt8(5))
    }
  }

  private func encodeProgress(to writer: inout ByteWriter) {
    RecordField.write(Tag.tries.rawValue, number: Int64(progress.tries), to: &writer)
    if let lastTry = progress.lastTry {
      RecordField.write(Tag.lastTry.rawValue, number: lastTry.milliseconds, to: &writer)
    }
    if let lastNotice = progress.lastNotice {
      RecordField.write(Tag.lastNotice.rawValue, number: lastNotice.milliseconds, to: &writer)
    }
    RecordField.write(Tag.lastError.rawValue, progress.lastError, to: &writer)
    if let status = progress.lastStatus {
      RecordField.write(Tag.lastStatus.rawValue, to: &writer) { content in
        content.write(status.class.rawValue)
        content.write(status.subject)
        content.write(status.detail)
      }
    }
    RecordField.write(
      Tag.suspension.rawValue,
      number: Int64(progress.suspension.rawValue),
      to: &writer
    )
    RecordField.write(Tag.crashes.rawValue, number: Int64(progress.crashes), to: &writer)
    RecordField.write(Tag.lastPeer.rawValue, progress.lastPeer, to: &writer)
  }

  /// Reads what `encodedRecord` wrote.
  package init(id: EnvelopeID, record: [UInt8]) throws(DecodingError) {
    try self.init(id: id, record: ByteReader(record))
  }

  /// The record is all that is left in the reader.
  package init(id: EnvelopeID, record: ByteReader) throws(DecodingError) {
    guard record.remaining <= RecordLimits.record else {
      throw .tooLong(field: "envelope record", length: record.remaining)
    }
    var reader = record
    guard try reader.readByte() == Envelope.recordVersion else {
      throw .invalid(field: "envelope record version")
    }
    let nobody = Address(local: "", domain: "")
    self.init(
      id: id,
      kind: .relay,
      action: "",
      recipient: nobody,
      destination: nobody,
      created: .epoch
    )
    var destination: Address?
    while !reader.isAtEnd {
      let tag = try reader.readVariable()
      var section = try reader.readSection(of: "envelope field", atMost: RecordLimits.record)
      switch Tag(rawValue: tag) {
      case .destination: destination = try Envelope.address(&section, "destination")
      case .some(let known): try decode(known, &section)
      case nil:
        var kept = ByteWriter()
        kept.writeVariable(tag)
        kept.write(section.readRest())
        unknownFields += kept.finish()
      }
    }
    self.destination = destination ?? recipient
  }

  private static func address(
    _ section: inout ByteReader,
    _ field: StaticString
  ) throws(DecodingError) -> Address {
    let local = try section.readString(of: field, atMost: RecordLimits.addressPart)
    let domain = try section.readString(of: field, atMost: RecordLimits.addressPart)
    try section.expectEnd()
    return Address(local: local, domain: domain)
  }

  private mutating func decode(_ tag: Tag, _ section: inout ByteReader) throws(DecodingError) {
    switch tag {
    case .kind: try decodeKind(&section)
    case .action: action = try RecordField.text(&section, "action", atMost: RecordLimits.name)
    case .recipient: recipient = try Envelope.address(&section, "recipient")
    case .destination: preconditionFailure("the destination is read by the caller")
    case .origin:
      let value = try RecordField.number(&section)
      guard let known = Origin(rawValue: UInt8(truncatingIfNeeded: value)) else {
        throw .invalid(field: "origin")
      }
      origin = known
    case .created: created = Instant(milliseconds: try RecordField.number(&section))
    case .timeToLive:
      let value = try RecordField.number(&section)
      guard value >= 0 else { throw .invalid(field: "time to live") }
      timeToLive = .milliseconds(value)
    case .notify:
      notify = NotifyConditions(
        rawValue: UInt8(truncatingIfNeeded: try RecordField.number(&section))
      )
    case .originalRecipient:
      originalRecipient = try RecordField.text(
        &section,
        "original recipient",
        atMost: RecordLimits.originalRecipient
      )
    case .holdUntil: holdUntil = Instant(milliseconds: try RecordField.number(&section))
    case .deliverBy:
      guard let mode = DeliverBy.Mode(rawValue: try section.readByte()) else {
        throw .invalid(field: "deliver by")
      }
      deliverBy = DeliverBy(
        deadline: Instant(milliseconds: try section.readVariableSigned()),
        mode: mode
      )
    default: try decodeProgress(tag, &section)
    }
  }

  private mutating func decodeKind(_ section: inout ByteReader) throws(DecodingError) {
    switch try section.readByte() {
    case 1: kind = .relay
    case 2:
      let user = try section.readString(of: "user", atMost: RecordLimits.name)
      let subaddress = try section.readString(of: "subaddress", atMost: RecordLimits.name)
      let text = try section.readString(of: "command", atMost: RecordLimits.command)
      guard let method = LocalDelivery.method(stored: text, form: try section.readByte()) else {
        throw .invalid(field: "method")
      }
      kind = .local(
        LocalDelivery(
          user: user,
          subaddress: subaddress.isEmpty ? nil : subaddress,
          method: method
        )
      )
    case 3: kind = .bounce(.failed)
    case 4:
      let after = try section.readVariableSigned()
      let timeToLive = try section.readVariableSigned()
      kind = .bounce(
        .delayed(after: .milliseconds(after), timeToLive: .milliseconds(timeToLive))
      )
    case 5: kind = .bounce(.delivered)
    default: throw .invalid(field: "kind")
    }
    try section.expectEnd()
  }

  private mutating func decodeProgress(
    _ tag: Tag,
    _ section: inout ByteReader
  ) throws(DecodingError) {
    switch tag {
    case .tries: progress.tries = UInt16(clamping: try RecordField.number(&section))
    case .lastTry: progress.lastTry = Instant(milliseconds: try RecordField.number(&section))
    case .lastNotice:
      progress.lastNotice = Instant(milliseconds: try RecordField.number(&section))
    case .lastError:
      progress.lastError = try RecordField.text(
        &section,
        "error text",
        atMost: RecordLimits.errorText
      )
    case .lastStatus:
      guard let `class` = EnhancedStatus.Class(rawValue: try section.readByte()) else {
        throw .invalid(field: "status")
      }
      let subject: UInt16 = try section.readInteger()
      let detail: UInt16 = try section.readInteger()
      guard subject <= 999, detail <= 999 else { throw .invalid(field: "status") }
      progress.lastStatus = EnhancedStatus(`class`, subject, detail)
    case .suspension:
      let value = try RecordField.number(&section)
      guard let known = Progress.Suspension(rawValue: UInt8(truncatingIfNeeded: value)) else {
        throw .invalid(field: "suspension")
      }
      progress.suspension = known
    case .lastPeer:
      progress.lastPeer = try RecordField.text(&section, "peer", atMost: RecordLimits.name)
    case .crashes: progress.crashes = UInt8(clamping: try RecordField.number(&section))
    default: preconditionFailure("an envelope field that is not its progress: \(tag)")
    }
  }
}
