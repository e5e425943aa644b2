// SPDX-License-Identifier: ISC

/// A message's identifier: 32 bits, never zero, printed as 8 lower-case hexadecimal digits.
///
/// Identifiers are handed out in rising order by a persistent cursor that wraps; nothing depends on
/// their order but speed.
package struct MessageID: Hashable, Comparable, Sendable {
  package let rawValue: UInt32

  /// Returns nil for zero, which no message has.
  @inlinable
  package init?(_ rawValue: UInt32) {
    guard rawValue != 0 else { return nil }
    self.rawValue = rawValue
  }

  /// Reads exactly 8 hexadecimal digits that are not all zero.
  package init?(hexadecimal text: some StringProtocol) {
    guard text.utf8.count == 8, text.utf8.allSatisfy(isHexadecimal),
      let value = UInt32(text, radix: 16)
    else { return nil }
    self.init(value)
  }

  @inlinable
  package static func < (lhs: MessageID, rhs: MessageID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// An envelope's identifier: the message's 32 bits above 32 bits of its own, neither half zero;
/// printed as 16 lower-case hexadecimal digits.
package struct EnvelopeID: Hashable, Comparable, Sendable {
  package let rawValue: UInt64

  /// Returns nil when either half is zero.
  @inlinable
  package init?(_ rawValue: UInt64) {
    guard rawValue >> 32 != 0, rawValue & 0xffff_ffff != 0 else { return nil }
    self.rawValue = rawValue
  }

  /// The envelope of `message` with the given low half. Returns nil when `low` is zero.
  @inlinable
  package init?(message: MessageID, low: UInt32) {
    self.init(UInt64(message.rawValue) << 32 | UInt64(low))
  }

  /// Reads exactly 16 hexadecimal digits.
  package init?(hexadecimal text: some StringProtocol) {
    guard text.utf8.count == 16, text.utf8.allSatisfy(isHexadecimal),
      let value = UInt64(text, radix: 16)
    else { return nil }
    self.init(value)
  }

  /// The message that this envelope belongs to.
  @inlinable package var message: MessageID {
    guard let id = MessageID(UInt32(truncatingIfNeeded: rawValue >> 32)) else {
      preconditionFailure("an envelope identifier without a message")
    }
    return id
  }

  @inlinable package var low: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

  @inlinable
  package static func < (lhs: EnvelopeID, rhs: EnvelopeID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// An SMTP session's identifier, for log lines and filters: 16 hexadecimal digits.
package struct SessionID: Hashable, Sendable {
  package let rawValue: UInt64

  @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

extension MessageID: CustomStringConvertible {
  package var description: String { hexadecimal(UInt64(rawValue), digits: 8) }
}

extension EnvelopeID: CustomStringConvertible {
  package var description: String { hexadecimal(rawValue, digits: 16) }
}

extension SessionID: CustomStringConvertible {
  package var description: String { hexadecimal(rawValue, digits: 16) }
}

/// `value` in lower-case hexadecimal, zero-filled to `digits`.
private func hexadecimal(_ value: UInt64, digits: Int) -> String {
  String(asciiCount: digits) { index in
    let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * (digits - 1 - index))) & 15
    return nibble < 10 ? 0x30 + nibble : 0x57 + nibble
  }
}

private func isHexadecimal(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
  default: false
  }
}

extension String {
  /// A short ASCII string made digit by digit.
  fileprivate init(asciiCount count: Int, _ byte: (Int) -> UInt8) {
    var text = ""
    text.reserveCapacity(count)
    for index in 0..<count { text.unicodeScalars.append(Unicode.Scalar(byte(index))) }
    self = text
  }
}
