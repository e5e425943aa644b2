// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue
internal import StoreJournal

/// One change as the journal has it. Each says how things are afterwards, and not what was done, so
/// that carrying it out twice does no harm.
enum JournalChange: Sendable {
  struct Insert: Sendable {
    var id: MessageID
    /// The whole change behind its frame, for checking it.
    var whole: JournalPlace
    var message: JournalPlace
    var envelopes: [(low: UInt32, record: JournalPlace)]
    var body: Body
  }

  enum Body: Hashable, Sendable {
    case journal(JournalPlace)
    /// A file, and its checksum where it is known.
    case staged(size: Int, checksum: UInt32?)

    var size: Int {
      switch self {
      case .journal(let place): Int(place.length)
      case .staged(let size, _): size
      }
    }
  }

  struct Put: Sendable {
    var id: EnvelopeID
    var message: JournalPlace
    var envelope: JournalPlace
  }

  case insert(Insert)
  /// An envelope as it is now, new or changed.
  case put(Put)
  case removeEnvelope(EnvelopeID)
  case removeMessage(MessageID)
  case set(String, [UInt8]?)

  /// The same with its places in the file `slot`, the group at `base`.
  func moved(to slot: Int, by base: Int) -> JournalChange {
    switch self {
    case .insert(var insert):
      insert.whole = insert.whole.moved(to: slot, by: base)
      insert.message = insert.message.moved(to: slot, by: base)
      for index in insert.envelopes.indices {
        insert.envelopes[index].record = insert.envelopes[index].record.moved(to: slot, by: base)
      }
      if case .journal(let place) = insert.body {
        insert.body = .journal(place.moved(to: slot, by: base))
      }
      return .insert(insert)
    case .put(var put):
      put.message = put.message.moved(to: slot, by: base)
      put.envelope = put.envelope.moved(to: slot, by: base)
      return .put(put)
    case .removeEnvelope, .removeMessage, .set: return self
    }
  }
}

extension JournalChange {
  private enum Kind: UInt8 {
    case insert = 1
    case put = 2
    case removeEnvelope = 3
    case removeMessage = 4
    case set = 5
  }

  /// Envelopes of one message.
  static let envelopesMax = 1 << 20

  /// Appends `record` behind its length. Returns where it is.
  private static func write(_ record: [UInt8], to writer: inout ByteWriter) -> JournalPlace {
    writer.write(record)
    return JournalPlace(writer.count - record.count..<writer.count)
  }

  static func insert(_ new: NewMessage, to group: inout GroupWriter) -> JournalChange {
    .insert(
      group.change { writer in
        let begin = writer.count
        writer.write(Kind.insert.rawValue)
        writer.write(new.message.id.rawValue)
        let message = write(new.message.encodedRecord(), to: &writer)
        writer.writeVariable(UInt64(new.envelopes.count))
        var envelopes: [(low: UInt32, record: JournalPlace)] = []
        envelopes.reserveCapacity(new.envelopes.count)
        for envelope in new.envelopes {
          writer.write(envelope.id.low)
          envelopes.append((envelope.id.low, write(envelope.encodedRecord(), to: &writer)))
        }
        let body: Body
        switch new.body {
        case .bytes(let bytes):
          writer.write(UInt8(0))
          body = .journal(write(bytes, to: &writer))
        case .staged(let size, let checksum):
          writer.write(UInt8(checksum == nil ? 1 : 2))
          writer.writeVariable(UInt64(size))
          if let checksum { writer.write(checksum) }
          body = .staged(size: size, checksum: checksum)
        }
        return Insert(
          id: new.message.id,
          whole: JournalPlace(begin..<writer.count),
          message: message,
          envelopes: envelopes,
          body: body
        )
      }
    )
  }

  static func put(_ stored: StoredEnvelope, to group: inout GroupWriter) -> JournalChange {
    .put(
      group.change { writer in
        writer.write(Kind.put.rawValue)
        writer.write(stored.envelope.id.rawValue)
        let message = write(stored.message.encodedRecord(), to: &writer)
        let envelope = write(stored.envelope.encodedRecord(), to: &writer)
        return Put(id: stored.envelope.id, message: message, envelope: envelope)
      }
    )
  }

  static func remove(_ id: EnvelopeID, to group: inout GroupWriter) -> JournalChange {
    group.change { writer in
      writer.write(Kind.removeEnvelope.rawValue)
      writer.write(id.rawValue)
      return .removeEnvelope(id)
    }
  }

  static func remove(_ id: MessageID, to group: inout GroupWriter) -> JournalChange {
    group.change { writer in
      writer.write(Kind.removeMessage.rawValue)
      writer.write(id.rawValue)
      return .removeMessage(id)
    }
  }

  static func set(_ name: String, _ value: [UInt8]?, to group: inout GroupWriter) -> JournalChange {
    group.change { writer in
      writer.write(Kind.set.rawValue)
      writer.write(name)
      writer.write(UInt8(value == nil ? 0 : 1))
      writer.write(value ?? [])
      return .set(name, value)
    }
  }

  /// Reads the change whose content is `bytes[range]`; places are offsets in `bytes`.
  init(_ bytes: [UInt8], _ range: Range<Int>) throws(DecodingError) {
    var reader = PlaceReader(bytes: bytes, position: range.lowerBound, end: range.upperBound)
    guard let kind = Kind(rawValue: try reader.byte()) else {
      throw .invalid(field: "journal change")
    }
    switch kind {
    case .insert: self = .insert(try JournalChange.readInsert(&reader, range))
    case .put:
      let id = try reader.envelope()
      let message = try reader.place(atMost: RecordLimits.record)
      let envelope = try reader.place(atMost: RecordLimits.record)
      self = .put(Put(id: id, message: message, envelope: envelope))
    case .removeEnvelope: self = .removeEnvelope(try reader.envelope())
    case .removeMessage: self = .removeMessage(try reader.message())
    case .set:
      let name = try reader.bytes(atMost: SpoolSettings.nameMax)
      let isThere = try reader.byte() != 0
      let value = try reader.bytes(atMost: SpoolSettings.valueMax)
      self = .set(String(decoding: name, as: UTF8.self), isThere ? value : nil)
    }
    guard reader.position == reader.end else {
      throw .trailingBytes(reader.end - reader.position)
    }
  }

  private static func readInsert(
    _ reader: inout PlaceReader,
    _ range: Range<Int>
  ) throws(DecodingError) -> Insert {
    let id = try reader.message()
    let message = try reader.place(atMost: RecordLimits.record)
    let count = try reader.variable()
    guard count <= JournalChange.envelopesMax else {
      throw .tooLong(field: "envelopes", length: count)
    }
    var envelopes: [(low: UInt32, record: JournalPlace)] = []
    for _ in 0..<count {
      let low = UInt32(try reader.integer(bytes: 4))
      guard low != 0 else { throw .invalid(field: "envelope identifier") }
      envelopes.append((low, try reader.place(atMost: RecordLimits.record)))
    }
    let body: Body =
      switch try reader.byte() {
      case 0: .journal(try reader.place(atMost: Int(UInt32.max)))
      case 1: .staged(size: try reader.variable(), checksum: nil)
      case 2:
        .staged(size: try reader.variable(), checksum: UInt32(try reader.integer(bytes: 4)))
      default: throw .invalid(field: "body")
      }
    return Insert(
      id: id,
      whole: JournalPlace(range),
      message: message,
      envelopes: envelopes,
      body: body
    )
  }
}

/// Reads a change without copying what is in it.
private struct PlaceReader {
  let bytes: [UInt8]
  var position: Int
  let end: Int

  mutating func byte() throws(DecodingError) -> UInt8 {
    guard position < end else { throw .truncated }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func integer(bytes count: Int) throws(DecodingError) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(try byte()) << UInt64(8 * index) }
    return value
  }

  mutating func variable() throws(DecodingError) -> Int {
    var value = 0
    for shift in stride(from: 0, to: 56, by: 7) {
      let next = try byte()
      value |= Int(next & 0x7f) << shift
      if next < 0x80 { return value }
    }
    throw .invalid(field: "variable-length integer")
  }

  mutating func place(atMost limit: Int) throws(DecodingError) -> JournalPlace {
    let count = try variable()
    guard count <= limit else { throw .tooLong(field: "journal record", length: count) }
    guard count <= end - position else { throw .truncated }
    defer { position += count }
    return JournalPlace(position..<position + count)
  }

  mutating func bytes(atMost limit: Int) throws(DecodingError) -> [UInt8] {
    let place = try place(atMost: limit)
    return Array(bytes[Int(place.offset)..<Int(place.offset + place.length)])
  }

  mutating func message() throws(DecodingError) -> MessageID {
    guard let id = MessageID(UInt32(try integer(bytes: 4))) else {
      throw .invalid(field: "message identifier")
    }
    return id
  }

  mutating func envelope() throws(DecodingError) -> EnvelopeID {
    guard let id = EnvelopeID(try integer(bytes: 8)) else {
      throw .invalid(field: "envelope identifier")
    }
    return id
  }
}
