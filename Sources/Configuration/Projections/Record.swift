// SPDX-License-Identifier: ISC

internal import Mail

/// A value that a projection is made of, in the binary form of `ByteWriter`.
protocol Record {
  func write(to writer: inout ByteWriter)

  /// Reads what `write(to:)` wrote; every length and every code is checked.
  init(from reader: inout ByteReader) throws(DecodingError)
}

/// What bounds the parts of a projection when it is read.
enum ProjectionLimits {
  /// Bytes of a name, an entry, a command.
  static let text = 65_536
  /// Bytes of a system file.
  static let file = 4_194_304
  /// Elements of a list.
  static let elements = 4_194_304
}

extension ByteWriter {
  mutating func write(record: some Record) { record.write(to: &self) }

  mutating func write(records: some Collection<some Record>) {
    writeVariable(UInt64(records.count))
    for record in records { record.write(to: &self) }
  }

  mutating func write(optional record: (some Record)?) {
    write(UInt8(record == nil ? 0 : 1))
    record?.write(to: &self)
  }

  /// Numbers of the configuration, which are never negative.
  mutating func write(number: Int) {
    precondition(number >= 0)
    writeVariable(UInt64(number))
  }
}

extension ByteReader {
  mutating func readRecord<Value: Record>(
    _ type: Value.Type = Value.self
  ) throws(DecodingError) -> Value {
    try Value(from: &self)
  }

  mutating func readRecords<Value: Record>(
    _ type: Value.Type = Value.self
  ) throws(DecodingError) -> [Value] {
    let count = try readCount(of: "list", atMost: ProjectionLimits.elements)
    guard count <= remaining else { throw .truncated }
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try Value(from: &self)) }
    return values
  }

  mutating func readOptional<Value: Record>(
    _ type: Value.Type = Value.self
  ) throws(DecodingError) -> Value? {
    switch try readByte() {
    case 0: nil
    case 1: try Value(from: &self)
    default: throw .invalid(field: "presence")
    }
  }

  mutating func readNumber() throws(DecodingError) -> Int {
    try readCount(of: "number", atMost: Int(Int32.max) * 1024)
  }

  mutating func readEnumeration<Value: RawRepresentable<UInt8>>(
    _ type: Value.Type = Value.self
  ) throws(DecodingError) -> Value {
    guard let value = Value(rawValue: try readByte()) else { throw .invalid(field: "enumeration") }
    return value
  }

  /// The text of a system file.
  mutating func readFile() throws(DecodingError) -> String {
    try readString(of: "file", atMost: ProjectionLimits.file)
  }
}

extension String: Record {
  func write(to writer: inout ByteWriter) { writer.write(self) }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self = try reader.readString(of: "text", atMost: ProjectionLimits.text)
  }
}

extension Duration: Record {
  func write(to writer: inout ByteWriter) { writer.writeVariable(signed: wholeMilliseconds) }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self = .milliseconds(try reader.readVariableSigned())
  }
}

extension IPAddress: Record {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .inet4(let value):
      writer.write(UInt8(4))
      writer.write(value)
    case .inet6(let high, let low):
      writer.write(UInt8(6))
      writer.write(high)
      writer.write(low)
    }
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    switch try reader.readByte() {
    case 4: self = .inet4(try reader.readInteger())
    case 6: self = .inet6(try reader.readInteger(), try reader.readInteger())
    default: throw .invalid(field: "address family")
    }
  }
}

extension Address: Record {
  func write(to writer: inout ByteWriter) {
    writer.write(local)
    writer.write(domain)
  }

  init(from reader: inout ByteReader) throws(DecodingError) {
    self.init(local: try reader.readRecord(), domain: try reader.readRecord())
  }
}
