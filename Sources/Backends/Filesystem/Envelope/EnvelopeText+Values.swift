// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue

/// The values of fields, as bytes of a line.
extension EnvelopeText {
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0d ~= byte }

  /// Control characters as blanks.
  static func printable(_ byte: UInt8) -> UInt8 { byte < 0x20 || byte == 0x7f ? 0x20 : byte }

  /// Text of no known character set: as UTF-8 if it is that, else with `?` for what is not ASCII, so
  /// that it never gets longer.
  static func printableText(_ bytes: ArraySlice<UInt8>) -> String {
    let plain = bytes.map { printable($0) }
    return String(validating: plain, as: UTF8.self)
      ?? String(decoding: plain.map { $0 < 0x80 ? $0 : 0x3f }, as: UTF8.self)
  }

  static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d: true
    default: false
    }
  }

  /// Decimal digits, no sign, at most 18.
  static func number(_ bytes: ArraySlice<UInt8>) -> Int64? {
    guard 1...18 ~= bytes.count else { return nil }
    var value: Int64 = 0
    for byte in bytes {
      guard 0x30...0x39 ~= byte else { return nil }
      value = value * 10 + Int64(byte - 0x30)
    }
    return value
  }

  /// `local@domain`, split at the last `@`; nil for the null sender `@`.
  static func address(_ bytes: ArraySlice<UInt8>, _ name: String) throws(Problem) -> Address? {
    guard let at = bytes.lastIndex(of: 0x40) else { throw Problem("\(name): no @") }
    if bytes.count == 1 { return nil }
    guard bytes.allSatisfy({ printable($0) == $0 }) else {
      throw Problem("\(name): control characters")
    }
    let local = bytes[..<at]
    let domain = bytes[(at + 1)...]
    guard local.count <= RecordLimits.addressPart, domain.count <= RecordLimits.addressPart else {
      throw Problem("\(name): too long")
    }
    return Address(local: try text(local, name), domain: try text(domain, name))
  }

  static func exactAddress(
    _ bytes: ArraySlice<UInt8>,
    _ name: String
  ) throws(Problem) -> Address {
    guard let at = bytes.firstIndex(of: 0x40) else { throw Problem("\(name): no @") }
    let local = try unescaped(bytes[..<at], name)
    let domain = try unescaped(bytes[(at + 1)...], name)
    guard local.utf8.count <= RecordLimits.addressPart,
      domain.utf8.count <= RecordLimits.addressPart
    else { throw Problem("\(name): too long") }
    return Address(local: local, domain: domain)
  }

  /// Undoes `\xHH`.
  static func unescaped(_ bytes: ArraySlice<UInt8>, _ name: String) throws(Problem) -> String {
    var plain: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      guard bytes[index] == 0x5c else {
        plain.append(bytes[index])
        index += 1
        continue
      }
      guard bytes.endIndex - index >= 4, bytes[index + 1] == 0x78,
        let high = nibble(bytes[index + 2]), let low = nibble(bytes[index + 3])
      else { throw Problem("\(name): a bad escape") }
      plain.append(high << 4 | low)
      index += 4
    }
    return try text(plain[...], name)
  }

  static func bytes(
    hexadecimal digits: ArraySlice<UInt8>,
    _ name: String
  ) throws(Problem) -> [UInt8] {
    guard digits.count % 2 == 0 else { throw Problem("\(name): a digit is missing") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: digits.startIndex, to: digits.endIndex, by: 2) {
      guard let high = nibble(digits[index]), let low = nibble(digits[index + 1]) else {
        throw Problem("\(name): not hexadecimal")
      }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func text(_ bytes: ArraySlice<UInt8>, _ name: String) throws(Problem) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Problem("\(name): not UTF-8")
    }
    return text
  }

  private static func nibble(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
