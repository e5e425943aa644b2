// SPDX-License-Identifier: ISC

/// Writes one JSON object as one line. Keys and forms are described in `schema/json.md`.
struct JSONLine {
  private var bytes: [UInt8] = []
  private var needsComma = false

  init() {
    bytes.reserveCapacity(512)
    bytes.append(UInt8(ascii: "{"))
  }

  mutating func add(_ key: StaticString, _ value: String) {
    begin(key)
    append(value)
  }

  /// Null when there is no value.
  mutating func add(_ key: StaticString, _ value: String?) {
    begin(key)
    if let value { append(value) } else { bytes.append(text: "null") }
  }

  mutating func add(_ key: StaticString, _ value: Int64?) {
    begin(key)
    if let value { bytes.append(decimal: value) } else { bytes.append(text: "null") }
  }

  mutating func add(_ key: StaticString, truth value: Truth) {
    begin(key)
    bytes.append(text: value == .true ? "true" : "false")
  }

  mutating func add(_ key: StaticString, hexadecimal value: UInt64, digits: Int) {
    begin(key)
    bytes.append(UInt8(ascii: "\""))
    bytes.append(hexadecimal: value, digits: digits)
    bytes.append(UInt8(ascii: "\""))
  }

  mutating func add(_ key: StaticString, _ values: [String]) {
    begin(key)
    bytes.append(UInt8(ascii: "["))
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      append(value)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// A key that is only known at run time.
  mutating func add(named key: String, _ value: Int64) {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
    append(key)
    bytes.append(UInt8(ascii: ":"))
    bytes.append(decimal: value)
  }

  /// Closes the object, ends the line, and appends it to `output`.
  consuming func finish(into output: inout [UInt8]) {
    output.append(contentsOf: bytes)
    output.append(UInt8(ascii: "}"))
    output.append(UInt8(ascii: "\n"))
  }

  enum Truth {
    case `true`
    case `false`
  }

  private mutating func begin(_ key: StaticString) {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
    bytes.append(UInt8(ascii: "\""))
    bytes.append(text: key.description)
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
  }

  /// A string value (RFC 8259 section 7). DEL and C1 controls are escaped too, for terminals.
  private mutating func append(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    let plain = text.utf8.allSatisfy {
      0x20..<0x7f ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
    }
    guard !plain else {
      bytes.append(text: text)
      return
    }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": bytes.append(text: "\\\"")
      case "\\": bytes.append(text: "\\\\")
      case "\n": bytes.append(text: "\\n")
      case "\r": bytes.append(text: "\\r")
      case "\t": bytes.append(text: "\\t")
      case "\0"..." ", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}":
        if scalar == " " {
          bytes.append(UInt8(ascii: " "))
        } else {
          bytes.append(text: "\\u")
          bytes.append(hexadecimal: UInt64(scalar.value), digits: 4)
        }
      default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
  }
}
