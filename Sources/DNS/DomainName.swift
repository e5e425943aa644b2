// SPDX-License-Identifier: ISC

/// A name that may be asked for in the DNS: checked, lower case, without the final dot.
///
/// Labels of letters, digits, `-` and `_`, 1 to 63 bytes each, 253 in all (RFC 1035 section 2.3.4).
/// A name whose last label is a number is an address that went astray, and is refused.
package struct DomainName: Hashable, Sendable {
  package let text: String

  /// Returns nil for what cannot be the name of a host. A final dot is taken off.
  package init?(_ name: some StringProtocol) {
    var bytes = Array(name.utf8.prefix(Limits.name + 2))
    if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
    guard 1...Limits.name ~= bytes.count else { return nil }
    let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.allSatisfy(Self.isLabel), let last = labels.last,
      !last.allSatisfy({ 0x30...0x39 ~= $0 })
    else { return nil }
    for index in bytes.indices where 0x41...0x5a ~= bytes[index] { bytes[index] |= 0x20 }
    text = String(decoding: bytes, as: UTF8.self)
  }

  private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
    1...Limits.label ~= label.count && label.allSatisfy(isNameByte)
      && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }

  package enum Limits {
    /// Bytes of a name in text form, without the final dot.
    package static let name = 253
    package static let label = 63
  }
}

extension DomainName: CustomStringConvertible {
  package var description: String { text }
}
