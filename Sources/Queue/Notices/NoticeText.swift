// SPDX-License-Identifier: ISC

internal import Mail

/// Text on its way into a notice: whatever it holds, it ends no line and begins no field.
struct NoticeText {
  private(set) var bytes: [UInt8] = []

  /// A line of a body, as it is.
  mutating func line(_ text: String = "") {
    bytes.append(contentsOf: NoticeText.clean(text).utf8)
    bytes.append(0x0a)
  }

  /// A paragraph of a body: lines of at most 78 characters where there are blanks, and of at most 900
  /// bytes anyway (RFC 5322 section 2.1.1).
  mutating func paragraph(_ text: String, indent: String = "") {
    for line in NoticeText.broken(NoticeText.clean(text), to: 78 - indent.utf8.count) {
      bytes.append(contentsOf: indent.utf8)
      bytes.append(contentsOf: line.utf8)
      bytes.append(0x0a)
    }
  }

  /// A header field or a field of a delivery status, folded.
  mutating func field(_ name: String, _ value: String) {
    var indent = "\(name): "
    for line in NoticeText.broken(NoticeText.clean(value), to: 76 - indent.utf8.count) {
      bytes.append(contentsOf: indent.utf8)
      bytes.append(contentsOf: line.utf8)
      bytes.append(0x0a)
      indent = "  "
    }
  }

  /// Stored content: CRLF and a lone CR become LF, NUL a question mark, and it ends with a line end.
  mutating func content(_ original: ArraySlice<UInt8>) {
    bytes.reserveCapacity(bytes.count + original.count + 1)
    var previous: UInt8 = 0x0a
    for byte in original {
      switch byte {
      case 0x0a where previous == 0x0d: break
      case 0x0d: bytes.append(0x0a)
      case 0: bytes.append(UInt8(ascii: "?"))
      default: bytes.append(byte)
      }
      previous = byte
    }
    if let last = bytes.last, last != 0x0a { bytes.append(0x0a) }
  }

  mutating func append(_ other: NoticeText) { bytes.append(contentsOf: other.bytes) }

  /// Without control characters, and without blanks at its ends.
  static func clean(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isControl = scalar.value < 0x20 || 0x7f..<0xa0 ~= scalar.value
      scalars.append(isControl || 0x2028...0x2029 ~= scalar.value ? " " : scalar)
    }
    var kept = scalars[...]
    while kept.first == " " { kept.removeFirst() }
    while kept.last == " " { kept.removeLast() }
    return String(kept)
  }

  /// With a question mark for whatever is not ASCII.
  static func ascii(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in clean(text).unicodeScalars { scalars.append(scalar.isASCII ? scalar : "?") }
    return String(scalars)
  }

  /// With a question mark for whatever a host name or an address literal has not.
  static func hostName(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_", ":", "[", "]": scalars.append(scalar)
      default: scalars.append("?")
      }
    }
    return String(scalars)
  }

  /// At least one line. Breaks at blanks beyond `width`, and in the middle of what has none for
  /// 225 characters, which are at most 900 bytes.
  private static func broken(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.unicodeScalars.split(separator: " ") {
      var rest = word[...]
      if !line.isEmpty, line.utf8.count + 1 + String(rest).utf8.count > width {
        lines.append(line)
        line = ""
      }
      if !line.isEmpty { line += " " }
      while rest.count > 225 {
        lines.append(line + String(rest.prefix(225)))
        line = ""
        rest = rest.dropFirst(225)
      }
      line += String(rest)
    }
    if !line.isEmpty || lines.isEmpty { lines.append(line) }
    return lines
  }
}
