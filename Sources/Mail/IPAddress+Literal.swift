// SPDX-License-Identifier: ISC

extension IPAddress {
  /// Reads an address literal with its brackets (RFC 5321 section 4.1.3): `[192.0.2.1]`,
  /// `[IPv6:2001:db8::1]`; also `[2001:db8::1]`, which relay URLs use.
  package init?(literal text: some StringProtocol) {
    guard text.first == "[", text.last == "]",
      text.utf8.count > 2
    else { return nil }
    let inner = text.dropFirst().dropLast()
    guard inner.prefix(5).lowercased() == "ipv6:" else {
      self.init(parsing: inner)
      return
    }
    guard case .inet6(let high, let low)? = IPAddress(parsing: inner.dropFirst(5)) else {
      return nil
    }
    self = .inet6(high, low)
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
      self = .inet6(
        bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
        bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
      )
    default:
      return nil
    }
  }
}
