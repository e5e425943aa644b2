// SPDX-License-Identifier: ISC

/// An address of the Internet Protocol, without a zone.
package enum IPAddress: Hashable, Sendable {
  /// Four bytes, network order.
  case inet4(UInt32)
  /// Two halves, network order.
  case inet6(UInt64, UInt64)

  /// Reads a dotted quad or the text form of RFC 4291 section 2.2. Brackets and zones are refused.
  package init?(parsing text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count <= 45 else { return nil }
    if let value = IPAddress.inet4(in: bytes[...]) {
      self = .inet4(value)
    } else if let halves = IPAddress.inet6(in: bytes) {
      self = .inet6(halves.0, halves.1)
    } else {
      return nil
    }
  }

  /// The address that a session came from; nil for the submission socket.
  package init?(_ source: SourceAddress) {
    switch source {
    case .local: return nil
    case .inet4(let value): self = .inet4(value)
    case .inet6(let high, let low): self = .inet6(high, low)
    }
  }

  /// 127.0.0.0/8 and ::1.
  package var isLoopback: Bool {
    switch self {
    case .inet4(let value): value >> 24 == 127
    case .inet6(let high, let low): high == 0 && low == 1
    }
  }

  /// 0.0.0.0 and ::, which a connection takes for this very host.
  package var isUnspecified: Bool { self == .inet4(0) || self == .inet6(0, 0) }

  /// An IPv4 address that is mapped into IPv6 (::ffff:0:0/96) as what it was; any other as it is.
  package var unmapped: IPAddress {
    if case .inet6(0, let low) = self, low >> 32 == 0xffff {
      return .inet4(UInt32(truncatingIfNeeded: low))
    }
    return self
  }

  /// The same address as a message's source.
  package var source: SourceAddress {
    switch self {
    case .inet4(let value): .inet4(value)
    case .inet6(let high, let low): .inet6(high, low)
    }
  }

  /// Four decimal numbers of at most three digits; a leading zero is refused, for some read it as octal.
  private static func inet4(in bytes: ArraySlice<UInt8>) -> UInt32? {
    var value: UInt32 = 0
    var parts = 0
    for part in bytes.split(separator: 0x2e, omittingEmptySubsequences: false) {
      guard 1...3 ~= part.count, part.count == 1 || part.first != 0x30 else { return nil }
      var number: UInt32 = 0
      for byte in part {
        guard 0x30...0x39 ~= byte else { return nil }
        number = number * 10 + UInt32(byte - 0x30)
      }
      guard number <= 255 else { return nil }
      value = value << 8 | number
      parts += 1
      guard parts <= 4 else { return nil }
    }
    return parts == 4 ? value : nil
  }

  private static func inet6(in bytes: [UInt8]) -> (UInt64, UInt64)? {
    var head: [UInt16] = []
    var tail: [UInt16]?
    var index = 0
    if bytes.starts(with: [0x3a, 0x3a]) {
      tail = []
      index = 2
    }
    while index < bytes.count {
      let end = bytes[index...].firstIndex(of: 0x3a) ?? bytes.count
      guard let groups = groups(of: bytes[index..<end], isLast: end == bytes.count) else {
        return nil
      }
      if tail == nil { head += groups } else { tail? += groups }
      guard head.count + (tail?.count ?? 0) <= 8 else { return nil }
      index = end
      guard index < bytes.count else { break }
      index += 1
      if index < bytes.count, bytes[index] == 0x3a {
        guard tail == nil else { return nil }
        tail = []
        index += 1
      } else if index == bytes.count {
        return nil
      }
    }
    return halves(head, tail)
  }

  /// One group of hexadecimal digits, or the two of a dotted quad at the end.
  private static func groups(of part: ArraySlice<UInt8>, isLast: Bool) -> [UInt16]? {
    if isLast, part.contains(0x2e) {
      guard let quad = inet4(in: part) else { return nil }
      return [UInt16(quad >> 16), UInt16(quad & 0xffff)]
    }
    guard 1...4 ~= part.count else { return nil }
    var value: UInt16 = 0
    for byte in part {
      guard let digit = hexadecimalDigit(byte) else { return nil }
      value = value << 4 | digit
    }
    return [value]
  }

  private static func halves(_ head: [UInt16], _ tail: [UInt16]?) -> (UInt64, UInt64)? {
    var all = head
    if let tail {
      guard head.count + tail.count < 8 else { return nil }
      all += Array(repeating: 0, count: 8 - head.count - tail.count)
      all += tail
    }
    guard all.count == 8 else { return nil }
    let high = all[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
    let low = all[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
    return (high, low)
  }
}

extension IPAddress: CustomStringConvertible {
  /// The dotted quad, or the form of RFC 5952.
  package var description: String {
    switch self {
    case .inet4(let value):
      "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    case .inet6(let high, let low):
      IPAddress.text(high, low)
    }
  }

  private static func text(_ high: UInt64, _ low: UInt64) -> String {
    let groups = (0..<8).map { index -> UInt16 in
      let half = index < 4 ? high : low
      return UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * (index % 4)))
    }
    if high == 0, groups[4] == 0, groups[5] == 0xffff {
      return "::ffff:\(IPAddress.inet4(UInt32(truncatingIfNeeded: low)))"
    }
    let gap = longestZeroRun(in: groups)
    var text = ""
    var index = 0
    while index < 8 {
      if let gap, index == gap.lowerBound {
        text += "::"
        index = gap.upperBound
        continue
      }
      if !text.isEmpty, !text.hasSuffix(":") { text += ":" }
      text += String(groups[index], radix: 16)
      index += 1
    }
    return text
  }

  /// The first of the longest runs of at least two zero groups.
  private static func longestZeroRun(in groups: [UInt16]) -> Range<Int>? {
    var best: Range<Int>?
    var start = 0
    while start < groups.count {
      var end = start
      while end < groups.count, groups[end] == 0 { end += 1 }
      if end - start >= 2, end - start > best?.count ?? 0 { best = start..<end }
      start = max(end, start + 1)
    }
    return best
  }
}

/// A block of addresses: an address and how many of its leading bits count.
package struct NetworkBlock: Hashable, Sendable {
  package let address: IPAddress
  /// 0 to 32, or 0 to 128.
  package let prefix: Int

  /// Returns nil when the prefix is longer than the address.
  package init?(_ address: IPAddress, prefix: Int) {
    switch address {
    case .inet4: guard 0...32 ~= prefix else { return nil }
    case .inet6: guard 0...128 ~= prefix else { return nil }
    }
    self.address = address
    self.prefix = prefix
  }

  /// Reads `address` or `address/prefix`; tolerates `IPv6:` before it and brackets around the address.
  package init?(parsing text: some StringProtocol) {
    var rest = text[...]
    var prefix: Int?
    if let slash = rest.lastIndex(of: "/") {
      let digits = rest[rest.index(after: slash)...]
      guard 1...3 ~= digits.utf8.count, digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
        let number = Int(digits)
      else { return nil }
      prefix = number
      rest = rest[..<slash]
    }
    if rest.first == "[", rest.last == "]", rest.utf8.count > 2 {
      rest = rest.dropFirst().dropLast()
    }
    if rest.prefix(5).lowercased() == "ipv6:" { rest = rest.dropFirst(5) }
    if rest.first == "[", rest.last == "]", rest.utf8.count > 2 {
      rest = rest.dropFirst().dropLast()
    }
    guard let address = IPAddress(parsing: rest) else { return nil }
    switch address {
    case .inet4: self.init(address, prefix: prefix ?? 32)
    case .inet6: self.init(address, prefix: prefix ?? 128)
    }
  }

  package func contains(_ other: IPAddress) -> Bool {
    switch (address, other) {
    case (.inet4(let mine), .inet4(let theirs)):
      prefix == 0 || (mine ^ theirs) >> UInt32(32 - prefix) == 0
    case (.inet6(let high, let low), .inet6(let otherHigh, let otherLow)):
      if prefix <= 64 {
        prefix == 0 || (high ^ otherHigh) >> UInt64(64 - prefix) == 0
      } else {
        high == otherHigh && (low ^ otherLow) >> UInt64(128 - prefix) == 0
      }
    default:
      false
    }
  }
}

/// The value of a hexadecimal digit in ASCII.
private func hexadecimalDigit(_ byte: UInt8) -> UInt16? {
  switch byte {
  case 0x30...0x39: UInt16(byte - 0x30)
  case 0x41...0x46: UInt16(byte - 0x37)
  case 0x61...0x66: UInt16(byte - 0x57)
  default: nil
  }
}
