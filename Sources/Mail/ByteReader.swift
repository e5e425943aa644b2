// SPDX-License-Identifier: ISC

/// Why bytes that claim to be a record or a frame are none.
package enum DecodingError: Error, Equatable, Sendable {
  /// The bytes end inside a value.
  case truncated
  /// A length or count is beyond its limit.
  case tooLong(field: StaticString, length: Int)
  /// A value that this field cannot have.
  case invalid(field: StaticString)
  /// Bytes are left behind the last value.
  case trailingBytes(Int)

  package static func == (lhs: DecodingError, rhs: DecodingError) -> Bool {
    lhs.description == rhs.description
  }
}

extension DecodingError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated: "cut off"
    case .tooLong(let field, let length): "\(field): \(length) is too long"
    case .invalid(let field): "\(field): not a value of this field"
    case .trailingBytes(let count): "\(count) bytes too many"
    }
  }
}

/// Reads what `ByteWriter` wrote. Every length is taken for hostile.
package struct ByteReader: Sendable {
  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    position = 0
    end = bytes.count
  }

  package init(_ slice: ArraySlice<UInt8>) {
    bytes = Array(slice)
    position = 0
    end = bytes.count
  }

  private init(bytes: [UInt8], position: Int, end: Int) {
    self.bytes = bytes
    self.position = position
    self.end = end
  }

  package var remaining: Int { end - position }
  package var isAtEnd: Bool { position == end }

  /// Throws unless everything was read.
  package func expectEnd() throws(DecodingError) {
    guard isAtEnd else { throw .trailingBytes(remaining) }
  }

  package mutating func readByte() throws(DecodingError) -> UInt8 {
    guard position < end else { throw .truncated }
    defer { position += 1 }
    return bytes[position]
  }

  package mutating func readInteger<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type = Integer.self
  ) throws(DecodingError) -> Integer {
    let size = MemoryLayout<Integer>.size
    guard remaining >= size else { throw .truncated }
    var value: UInt64 = 0
    for index in (0..<size).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
    position += size
    return Integer(truncatingIfNeeded: value)
  }

  package mutating func readVariable() throws(DecodingError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try readByte()
      guard shift < 63 || byte <= 1 else { throw .invalid(field: "variable-length integer") }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  package mutating func readVariableSigned() throws(DecodingError) -> Int64 {
    let value = try readVariable()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// A count or length that may be at most `limit`.
  package mutating func readCount(
    of field: StaticString,
    atMost limit: Int
  ) throws(DecodingError) -> Int {
    let value = try readVariable()
    guard value <= UInt64(limit) else {
      throw .tooLong(field: field, length: Int(clamping: value))
    }
    return Int(value)
  }

  package mutating func readBytes(
    of field: StaticString,
    atMost limit: Int
  ) throws(DecodingError) -> [UInt8] {
    let count = try readCount(of: field, atMost: limit)
    guard count <= remaining else { throw .truncated }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  /// UTF-8 text of at most `limit` bytes.
  package mutating func readString(
    of field: StaticString,
    atMost limit: Int
  ) throws(DecodingError) -> String {
    let count = try readCount(of: field, atMost: limit)
    guard count <= remaining else { throw .truncated }
    return try text(of: field, count)
  }

  /// A reader over the next bytes, behind their length; this one moves past them.
  package mutating func readSection(
    of field: StaticString,
    atMost limit: Int
  ) throws(DecodingError) -> ByteReader {
    let count = try readCount(of: field, atMost: limit)
    guard count <= remaining else { throw .truncated }
    defer { position += count }
    return ByteReader(bytes: bytes, position: position, end: position + count)
  }

  /// Everything that is left.
  package mutating func readRest() -> [UInt8] {
    defer { position = end }
    return Array(bytes[position..<end])
  }

  /// Everything that is left, as UTF-8 text of at most `limit` bytes.
  package mutating func readRestString(
    of field: StaticString,
    atMost limit: Int
  ) throws(DecodingError) -> String {
    guard remaining <= limit else { throw .tooLong(field: field, length: remaining) }
    return try text(of: field, remaining)
  }

  /// The next `count` bytes, which are there. Through a span: validating a collection is several
  /// times slower, and a listing of the queue reads a dozen texts for each envelope.
  private mutating func text(of field: StaticString, _ count: Int) throws(DecodingError) -> String {
    let start = position
    position += count
    let content = bytes.span.extracting(start..<start + count)
    guard let text = try? UTF8Span(validating: content) else { throw .invalid(field: field) }
    return String(copying: text)
  }
}
