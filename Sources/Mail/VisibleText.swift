// SPDX-License-Identifier: ISC

// A stranger's text for a terminal or a log: what a terminal would obey, or would end a line, is written as vis(3)
// writes it, and printable UTF-8 stays as it is.

extension [UInt8] {
  /// The text on one line, from which it could be had back: a control character as `\^C`, a C1 control as `\M-B\M^C`, the
  /// two bytes that it is, and a backslash twice.
  package mutating func append(visible text: String) {
    guard !text.utf8.allSatisfy({ 0x20..<0x7f ~= $0 && $0 != UInt8(ascii: "\\") }) else {
      return append(contentsOf: text.utf8)
    }
    for scalar in text.unicodeScalars {
      if scalar == "\\" { append(UInt8(ascii: "\\")) }
      append(visible: scalar)
    }
  }

  fileprivate mutating func append(visible scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0..<0x20, 0x7f:
      append(contentsOf: "\\^".utf8)
      append(UInt8(truncatingIfNeeded: scalar.value) ^ 0x40)
    case 0x80..<0xa0:
      // C2, then 80 to 9F.
      append(contentsOf: "\\M-B\\M^".utf8)
      append(UInt8(truncatingIfNeeded: scalar.value) & 0x7f ^ 0x40)
    default: append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
  }
}

extension String {
  /// The text for somebody who reads it, in which a backslash stays one; on one line, unless a line feed is `kept`.
  package func visible(keeping kept: String = "") -> String {
    let isPlain = utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != 0xc2 }
    guard !isPlain else { return self }
    var bytes: [UInt8] = []
    for scalar in unicodeScalars {
      if kept.unicodeScalars.contains(scalar) {
        bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      } else {
        bytes.append(visible: scalar)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
