// SPDX-License-Identifier: ISC

/// The encoding of RFC 2045 section 6.7, for text whose lines end in LF.
package enum QuotedPrintable {
  /// Bytes of an encoded line, its end not counted.
  private static let lineMax = 76

  package static func encode(_ text: some Sequence<UInt8>) -> [UInt8] {
    var encoder = Encoder()
    for byte in text { encoder.take(byte) }
    encoder.finish()
    return encoder.output
  }

  private struct Encoder {
    var output: [UInt8] = []
    private var length = 0
    /// A blank, which is encoded where a line ends behind it.
    private var blank: UInt8?

    mutating func take(_ byte: UInt8) {
      guard byte != 0x0a else {
        endBlank(isLast: true)
        output.append(byte)
        length = 0
        return
      }
      endBlank(isLast: false)
      switch byte {
      case 0x20, 0x09: blank = byte
      case 0x21...0x7e where byte != UInt8(ascii: "="): put([byte])
      default: put(escaped(byte))
      }
    }

    mutating func finish() { endBlank(isLast: true) }

    private mutating func endBlank(isLast: Bool) {
      guard let byte = blank else { return }
      blank = nil
      put(isLast ? escaped(byte) : [byte])
    }

    private func escaped(_ byte: UInt8) -> [UInt8] {
      let digits = Array("0123456789ABCDEF".utf8)
      return [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private mutating func put(_ bytes: [UInt8]) {
      // The last place of a line is kept for the mark that it goes on.
      if length + bytes.count > QuotedPrintable.lineMax - 1 {
        output.append(UInt8(ascii: "="))
        output.append(0x0a)
        length = 0
      }
      output += bytes
      length += bytes.count
    }
  }
}
