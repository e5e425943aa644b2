// SPDX-License-Identifier: ISC

/// CRC-32C (RFC 3720 appendix B.4) of what it is given, in the order in which it is given.
///
/// Finds every burst of up to 32 flipped bits. No protection against somebody who means harm.
package struct Checksum: Sendable {
  private var state: UInt32 = ~0

  /// Of nothing yet.
  package init() {}

  /// The checksum of `bytes` alone.
  package static func of(_ bytes: [UInt8]) -> UInt32 {
    var checksum = Checksum()
    checksum.add(bytes.span)
    return checksum.value
  }

  /// Of all that was added so far.
  package var value: UInt32 { ~state }

  /// Adds the eight bytes of `number`, the lowest first.
  package mutating func add(_ number: UInt64) {
    let table = Checksum.table.span
    for shift in stride(from: 0, to: 64, by: 8) {
      let byte = UInt8(truncatingIfNeeded: number >> UInt64(shift))
      state = table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ (state >> 8)
    }
  }

  /// Adds the bytes.
  package mutating func add(_ bytes: Span<UInt8>) {
    let table = Checksum.table.span
    var crc = state
    var index = 0
    while bytes.count - index >= 8 {
      let low =
        crc
        ^ (UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8
          | UInt32(bytes[index + 2]) << 16 | UInt32(bytes[index + 3]) << 24)
      crc =
        table[1792 + Int(low & 255)] ^ table[1536 + Int(low >> 8 & 255)]
        ^ table[1280 + Int(low >> 16 & 255)] ^ table[1024 + Int(low >> 24)]
      crc ^=
        table[768 + Int(bytes[index + 4])] ^ table[512 + Int(bytes[index + 5])]
        ^ table[256 + Int(bytes[index + 6])] ^ table[Int(bytes[index + 7])]
      index += 8
    }
    while index < bytes.count {
      crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[index])] ^ (crc >> 8)
      index += 1
    }
    state = crc
  }

  /// Eight tables of 256, one for each byte of a step of eight.
  private static let table: [UInt32] = {
    var table = [UInt32](repeating: 0, count: 8 * 256)
    for value in 0..<256 {
      var crc = UInt32(value)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
      table[value] = crc
    }
    for value in 0..<256 {
      var crc = table[value]
      for step in 1..<8 {
        crc = table[Int(crc & 255)] ^ (crc >> 8)
        table[step * 256 + value] = crc
      }
    }
    return table
  }()
}
