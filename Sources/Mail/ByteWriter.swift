// SPDX-License-Identifier: ISC

/// Builds a record or a frame in Talaria's one binary form: little-endian integers, and byte strings
/// behind their length as a variable-length integer (LEB128, at most 10 bytes).
package struct ByteWriter: Sendable {
  package private(set) var bytes: [UInt8]

  @inlinable package init(reserving capacity: Int = 64) {
    self.init(empty: capacity)
  }

  @usableFromInline
  package init(empty capacity: Int) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  package var count: Int { bytes.count }

  /// The bytes, without a copy.
  package consuming func finish() -> [UInt8] { bytes }

  package mutating func write(_ value: UInt8) { bytes.append(value) }

  package mutating func write<Integer: FixedWidthInteger>(_ value: Integer) {
    var rest = value.littleEndian
    for _ in 0..<MemoryLayout<Integer>.size {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      if Integer.bitWidth > 8 { rest = rest &>> 8 }
    }
  }

  /// LEB128, unsigned.
  package mutating func writeVariable(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Zig-zag, so that small negative numbers stay short.
  package mutating func writeVariable(signed value: Int64) {
    writeVariable(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  package mutating func write(_ content: [UInt8]) {
    writeVariable(UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  package mutating func write(_ content: ArraySlice<UInt8>) {
    writeVariable(UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  package mutating func write(_ text: String) {
    let content = text.utf8
    writeVariable(UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  /// Bytes without a length before them.
  package mutating func append(_ content: [UInt8]) { bytes.append(contentsOf: content) }

  package mutating func append(_ content: ArraySlice<UInt8>) { bytes.append(contentsOf: content) }

  /// Writes `value` over the four bytes at `offset`: a length that is known only at the end.
  package mutating func overwrite(at offset: Int, with value: UInt32) {
    precondition(offset >= 0 && offset + 4 <= bytes.count)
    for shift in 0..<4 { bytes[offset + shift] = UInt8(truncatingIfNeeded: value >> (8 * shift)) }
  }
}
