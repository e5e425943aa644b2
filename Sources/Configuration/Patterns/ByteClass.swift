// SPDX-License-Identifier: ISC

/// The classes of characters that POSIX names, of ASCII: no other byte is in one.
enum ByteClass {
  /// By the names of `[:NAME:]`.
  static let named: [String: @Sendable (UInt8) -> Bool] = [
    "alnum": isAlphanumeric,
    "alpha": { isAlphanumeric($0) && !isDigit($0) },
    "blank": { $0 == 0x20 || $0 == 0x09 },
    "cntrl": { $0 < 0x20 || $0 == 0x7f },
    "digit": isDigit,
    "graph": { 0x21...0x7e ~= $0 },
    "lower": { 0x61...0x7a ~= $0 },
    "print": { 0x20...0x7e ~= $0 },
    "punct": { 0x21...0x7e ~= $0 && !isAlphanumeric($0) },
    "space": isSpace,
    "upper": { 0x41...0x5a ~= $0 },
    "xdigit": { isDigit($0) || 0x41...0x46 ~= $0 || 0x61...0x66 ~= $0 },
  ]

  @Sendable static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

  @Sendable static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0d ~= byte }

  @Sendable static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || 0x41...0x5a ~= byte || 0x61...0x7a ~= byte
  }

  /// What `\w` stands for.
  static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
}
