// SPDX-License-Identifier: ISC

/// The encoding of DSN parameters (RFC 3461 section 4): printable ASCII, where `+` and two upper-case
/// hexadecimal digits stand for a byte.
package enum Xtext {
  /// Decodes `bytes`; nil when they are no xtext or when anything but printable ASCII results.
  package static func decode(_ bytes: Span<UInt8>) -> String? {
    var content: [UInt8] = []
    content.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      var byte = bytes[index]
      index += 1
      guard 0x21...0x7e ~= byte, byte != UInt8(ascii: "=") else { return nil }
      if byte == UInt8(ascii: "+") {
        guard index + 1 < bytes.count, let high = digit(bytes[index]),
          let low = digit(bytes[index + 1])
        else { return nil }
        byte = high << 4 | low
        index += 2
        guard 0x20...0x7e ~= byte else { return nil }
      }
      content.append(byte)
    }
    return String(decoding: content, as: UTF8.self)
  }

  /// Encodes text; bytes that are not printable ASCII are encoded too.
  package static func encode(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if 0x21...0x7e ~= byte, byte != UInt8(ascii: "+"), byte != UInt8(ascii: "=") {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "+"))
        bytes.append(hexadecimal(byte >> 4))
        bytes.append(hexadecimal(byte & 15))
      }
    }
    return bytes
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    default: nil
    }
  }

  private static func hexadecimal(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? 0x30 + nibble : 0x37 + nibble
  }
}
