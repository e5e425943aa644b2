// SPDX-License-Identifier: ISC

/// A person's name as it may stand in a field (RFC 5322 section 3.2.5, RFC 2047).
package enum DisplayName {
  /// Bytes of a name; what is beyond is cut off.
  package static let lengthMax = 256
  /// Bytes of text that one encoded word holds.
  private static let wordMax = 42

  /// The name without control characters, in quotes or encoded where it must be; empty for none.
  package static func encoded(_ name: String) -> String {
    let text = cleaned(name)
    let bytes = Array(text.utf8)
    guard !bytes.allSatisfy({ isAtomText($0) || $0 == 0x20 }) else { return text }
    guard bytes.allSatisfy({ $0 < 0x80 }) else { return words(text) }
    let quoted = bytes.flatMap { byte in
      byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
        ? [UInt8(ascii: "\\"), byte] : [byte]
    }
    return "\"" + String(decoding: quoted, as: UTF8.self) + "\""
  }

  /// The full name of a GECOS field: up to the first comma, `&` standing for the login name.
  package static func full(gecos: String, login: String) -> String {
    var name = ""
    for character in gecos.prefix(while: { $0 != "," }) {
      if character == "&" {
        name += login.prefix(1).uppercased() + login.dropFirst()
      } else {
        name.append(character)
      }
    }
    return name
  }

  private static func cleaned(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
      guard scalar.value >= 0x20, !(0x7f...0x9f ~= scalar.value) else { continue }
      guard text.utf8.count < lengthMax else { break }
      text.unicodeScalars.append(scalar)
    }
    return String(text.drop { $0 == " " })
  }

  private static func isAtomText(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
    }
  }

  /// Encoded words, none of which divides a character.
  private static func words(_ text: String) -> String {
    var words: [String] = []
    var part: [UInt8] = []
    for scalar in text.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      if part.count + bytes.count > wordMax {
        words.append("=?utf-8?B?\(base64(part))?=")
        part = []
      }
      part += bytes
    }
    if !part.isEmpty { words.append("=?utf-8?B?\(base64(part))?=") }
    return words.joined(separator: "\n ")
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let value = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
      for place in 0..<4 {
        let index = Int(value >> (18 - 6 * UInt32(place)) & 63)
        text.append(place <= group.count ? alphabet[index] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
