// SPDX-License-Identifier: ISC

/// An address of the Internet Protocol, version 4 or 6, in host order. No scope, no port.
package enum IPAddress: Hashable, Sendable {
  case inet4(UInt32)
  /// The upper and the lower 64 bits.
  case inet6(UInt64, UInt64)

  /// Reads a dotted quad without leading zeros, or the text forms of RFC 4291 section 2.2.
  ///
  /// Scopes (`%eth0`), prefixes and brackets are refused.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8.prefix(46))
    guard bytes.count <= 45 else { return nil }
    if bytes.contains(UInt8(ascii: ":")) {
      guard let (high, low) = Self.parseInet6(bytes[...]) else { return nil }
      self = .inet6(high, low)
    } else {
      guard let value = Self.parseInet4(bytes[...]) else { return nil }
      self = .inet4(value)
    }
  }

  /// Reads an address literal with its brackets (RFC 5321 section 4.1.3): `[192.0.2.1]`,
  /// `[IPv6:2001:db8::1]`; also `[2001:db8::1]`, which relay URLs use.
  package init?(literal text: String) {
    guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
    let inner = text.dropFirst().dropLast()
    if inner.lowercased().hasPrefix("ipv6:") {
      guard case .inet6(let high, let low)? = IPAddress(inner.dropFirst(5)) else { return nil }
      self = .inet6(high, low)
    } else {
      self.init(inner)
    }
  }

  /// 127/8 or ::1.
  package var isLoopback: Bool {
    switch self {
    case .inet4(let value): value >> 24 == 127
    case .inet6(let high, let low): high == 0 && low == 1
    }
  }

  /// 4 or 16 bytes in network order.
  package var bytes: [UInt8] {
    switch self {
    case .inet4(let value):
      (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    case .inet6(let high, let low):
      [high, low].flatMap { half in
        (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
      }
    }
  }

  /// Returns nil unless there are 4 or 16 bytes.
  package init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4:
      self = .inet4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
    case 16:
      let halves = (bytes.prefix(8), bytes.dropFirst(8))
      self = .inet6(
        halves.0.reduce(0) { $0 << 8 | UInt64($1) },
        halves.1.reduce(0) { $0 << 8 | UInt64($1) }
      )
    default:
      return nil
    }
  }
}

extension IPAddress: CustomStringConvertible {
  /// A dotted quad, or the canonical form of RFC 5952.
  package var description: String {
    switch self {
    case .inet4(let value):
      return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    case .inet6(let high, let low):
      let groups = [high, low].flatMap { half in
        (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64($0))) }
      }
      if high == 0, low >> 32 == 0xffff {
        return "::ffff:\(IPAddress.inet4(UInt32(truncatingIfNeeded: low)))"
      }
      return Self.compressed(groups)
    }
  }

  /// The longest run of two or more zero groups becomes `::`, the first one of equals.
  private static func compressed(_ groups: [UInt16]) -> String {
    var best = 0..<0
    var start = 0
    while start < groups.count {
      var end = start
      while end < groups.count, groups[end] == 0 { end += 1 }
      if end - start > max(best.count, 1) { best = start..<end }
      start = max(end, start + 1)
    }
    func text(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !best.isEmpty else { return text(groups[...]) }
    return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
  }
}

extension IPAddress {
  private static func parseInet4(_ text: ArraySlice<UInt8>) -> UInt32? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard 1...3 ~= part.count, part.count == 1 || part.first != UInt8(ascii: "0") else {
        return nil
      }
      var octet: UInt32 = 0
      for byte in part {
        guard 0x30...0x39 ~= byte else { return nil }
        octet = octet * 10 + UInt32(byte - 0x30)
      }
      guard octet <= 255 else { return nil }
      value = value << 8 | octet
    }
    return value
  }

  private static func parseInet6(_ text: ArraySlice<UInt8>) -> (UInt64, UInt64)? {
    guard let gap = firstGap(text) else {
      guard let groups = parseGroups(text), groups.count == 8 else { return nil }
      return halves(groups)
    }
    guard let head = parseGroups(text[..<gap]), let tail = parseGroups(text[(gap + 2)...]),
      head.count + tail.count <= 7
    else { return nil }
    return halves(head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail)
  }

  /// Where `::` begins.
  private static func firstGap(_ text: ArraySlice<UInt8>) -> Int? {
    text.indices.dropLast().first {
      text[$0] == UInt8(ascii: ":") && text[$0 + 1] == UInt8(ascii: ":")
    }
  }

  private static func parseGroups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    var groups: [UInt16] = []
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count <= 8 else { return nil }
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
        guard let value = parseInet4(part) else { return nil }
        groups += [UInt16(value >> 16), UInt16(value & 0xffff)]
      } else {
        guard 1...4 ~= part.count, part.allSatisfy(isHexadecimalDigit),
          let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
        else { return nil }
        groups.append(group)
      }
    }
    return groups
  }

  private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
  }

  private static func halves(_ groups: [UInt16]) -> (UInt64, UInt64) {
    (
      groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
      groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
    )
  }
}
