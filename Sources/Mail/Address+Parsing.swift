// SPDX-License-Identifier: ISC

extension Address {
  /// Why bytes are no mailbox.
  package enum SyntaxError: Error, Equatable, Sendable {
    /// A path that does not begin with `<` or has no `>`.
    case brackets
    /// A source route without its end, or with what no route has.
    case route
    case localPart
    case domain
    /// There is no domain, and none was given to complete it with.
    case missingDomain
    /// A part is longer than `partLengthMax`.
    case tooLong
  }

  /// The most bytes in a local part as it is written, and in a domain.
  package static let partLengthMax = 255

  /// A path of MAIL or RCPT, and how many bytes it took.
  package struct Path: Equatable, Sendable {
    /// Nil is the null path, `<>`.
    package let address: Address?
    /// The number of bytes from `<` to `>`, both counted.
    package let length: Int
  }

  /// Reads a mailbox without brackets: `local@domain`, or `local` where `domain` completes it.
  ///
  /// The local part is checked before anything is completed. Non-ASCII bytes, control characters
  /// and an empty local part (`""@domain` too) are refused.
  package init(
    parsing bytes: Span<UInt8>,
    completedWith domain: String? = nil
  ) throws(SyntaxError) {
    let mailbox = try Mailbox(in: bytes, from: 0, terminator: nil)
    self = try mailbox.address(in: bytes, completedWith: domain)
  }

  /// Reads a mailbox without brackets from text.
  package init(
    parsing text: String,
    completedWith domain: String? = nil
  ) throws(SyntaxError) {
    let utf8 = text.utf8
    try self.init(parsing: utf8.span, completedWith: domain)
  }

  /// Reads the path that `bytes` begin with (RFC 5321 section 4.1.2): `<local@domain>`, `<local>`
  /// where `domain` completes it, `<@route:local@domain>` whose route is dropped, or `<>`.
  ///
  /// What comes behind the `>` is not looked at.
  package static func path(
    in bytes: Span<UInt8>,
    completedWith domain: String? = nil
  ) throws(SyntaxError) -> Path {
    guard bytes.count >= 2, bytes[0] == UInt8(ascii: "<") else { throw .brackets }
    if bytes[1] == UInt8(ascii: ">") { return Path(address: nil, length: 2) }
    let start = try endOfRoute(in: bytes)
    let mailbox = try Mailbox(in: bytes, from: start, terminator: UInt8(ascii: ">"))
    let address = try mailbox.address(in: bytes, completedWith: domain)
    return Path(address: address, length: mailbox.end + 1)
  }

  /// Whether this may follow an `@`, or be said in HELO: a host name, or an address literal.
  package static func isDomain(_ bytes: Span<UInt8>) -> Bool {
    guard 1...partLengthMax ~= bytes.count else { return false }
    return bytes[0] == UInt8(ascii: "[") ? isLiteral(bytes) : isHostName(bytes)
  }

  /// Whether this may follow an `@`, or be said in HELO: a host name, or an address literal.
  package static func isDomain(_ text: String) -> Bool {
    let utf8 = text.utf8
    return isDomain(utf8.span)
  }

  /// Where the mailbox begins: behind `<`, or behind the colon of a source route.
  private static func endOfRoute(in bytes: Span<UInt8>) throws(SyntaxError) -> Int {
    guard bytes[1] == UInt8(ascii: "@") else { return 1 }
    var index = 2
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: ":"): return index + 1
      case UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"), 0x30...0x39, 0x41...0x5a, 0x61...0x7a:
        index += 1
      default: throw .route
      }
    }
    throw .route
  }

  /// Labels of letters, digits, `_` and inner `-`, each of 1 to 63 bytes, divided by dots.
  private static func isHostName(_ bytes: Span<UInt8>) -> Bool {
    var label = 0
    var previous = UInt8(ascii: ".")
    for index in bytes.indices {
      let byte = bytes[index]
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"):
        label += 1
      case UInt8(ascii: "-"):
        guard label > 0 else { return false }
        label += 1
      case UInt8(ascii: "."):
        guard label > 0, previous != UInt8(ascii: "-") else { return false }
        label = 0
      default:
        return false
      }
      guard label <= 63 else { return false }
      previous = byte
    }
    return label > 0 && previous != UInt8(ascii: "-")
  }

  /// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
  private static func isLiteral(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count > 2, bytes[bytes.count - 1] == UInt8(ascii: "]"),
      let text = String(ascii: bytes.extracting(1..<bytes.count - 1))
    else { return false }
    guard text.prefix(5).lowercased() == "ipv6:" else {
      guard case .inet4? = IPAddress(parsing: text) else { return false }
      return true
    }
    guard case .inet6? = IPAddress(parsing: text.dropFirst(5)) else { return false }
    return true
  }
}

/// Where the parts of a mailbox lie in bytes.
private struct Mailbox {
  let local: Range<Int>
  let isQuoted: Bool
  let domain: Range<Int>?
  /// The terminator's index, or the number of bytes when there is none.
  let end: Int

  init(
    in bytes: Span<UInt8>,
    from start: Int,
    terminator: UInt8?
  ) throws(Address.SyntaxError) {
    isQuoted = start < bytes.count && bytes[start] == UInt8(ascii: "\"")
    let localEnd =
      isQuoted
      ? try Mailbox.endOfQuotedString(in: bytes, from: start)
      : try Mailbox.endOfDotString(in: bytes, from: start)
    guard localEnd - start <= Address.partLengthMax else { throw .tooLong }
    local = isQuoted ? start + 1..<localEnd - 1 : start..<localEnd
    guard !local.isEmpty else { throw .localPart }

    guard localEnd < bytes.count, bytes[localEnd] == UInt8(ascii: "@") else {
      domain = nil
      end = localEnd
      try Mailbox.expectEnd(of: bytes, at: localEnd, terminator)
      return
    }
    var index = localEnd + 1
    while index < bytes.count, bytes[index] != terminator {
      index += 1
      guard index - localEnd - 1 <= Address.partLengthMax else { throw .tooLong }
    }
    domain = localEnd + 1..<index
    end = index
    guard Address.isDomain(bytes.extracting(localEnd + 1..<index)) else { throw .domain }
    if terminator != nil, index == bytes.count { throw .brackets }
  }

  func address(
    in bytes: Span<UInt8>,
    completedWith completion: String?
  ) throws(Address.SyntaxError) -> Address {
    let localBytes = bytes.extracting(local)
    guard let localText = isQuoted ? Mailbox.unquoted(localBytes) : String(ascii: localBytes)
    else { throw .localPart }
    guard let domain else {
      guard let completion else { throw .missingDomain }
      return Address(local: localText, domain: completion)
    }
    guard let domainText = String(ascii: bytes.extracting(domain)) else { throw .domain }
    return Address(local: localText, domain: domainText)
  }

  private static func expectEnd(
    of bytes: Span<UInt8>,
    at index: Int,
    _ terminator: UInt8?
  ) throws(Address.SyntaxError) {
    if index < bytes.count {
      guard bytes[index] == terminator else { throw .localPart }
    } else if terminator != nil {
      throw .brackets
    }
  }

  /// Atoms divided by single dots.
  private static func endOfDotString(
    in bytes: Span<UInt8>,
    from start: Int
  ) throws(Address.SyntaxError) -> Int {
    var index = start
    var atom = 0
    while index < bytes.count {
      let byte = bytes[index]
      if Address.isAtomText(byte) {
        atom += 1
      } else if byte == UInt8(ascii: ".") {
        guard atom > 0 else { throw .localPart }
        atom = 0
      } else {
        break
      }
      index += 1
    }
    guard atom > 0 else { throw .localPart }
    return index
  }

  /// The index behind the closing quote.
  private static func endOfQuotedString(
    in bytes: Span<UInt8>,
    from start: Int
  ) throws(Address.SyntaxError) -> Int {
    var index = start + 1
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        return index + 1
      case UInt8(ascii: "\\"):
        guard index + 1 < bytes.count, 0x20...0x7e ~= bytes[index + 1] else { throw .localPart }
        index += 2
      case 0x20...0x7e:
        index += 1
      default:
        throw .localPart
      }
    }
    throw .localPart
  }

  private static func unquoted(_ bytes: Span<UInt8>) -> String? {
    var content: [UInt8] = []
    content.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "\\") { index += 1 }
      content.append(bytes[index])
      index += 1
    }
    return String(ascii: content.span)
  }
}

extension Address {
  /// RFC 5321's atext: letters, digits and ``!#$%&'*+-/=?^_`{|}~``.
  static func isAtomText(_ byte: UInt8) -> Bool {
    // One bit for each character of the lower and the upper half of ASCII.
    let low: UInt64 = 0xa3ff_acfa_0000_0000
    let high: UInt64 = 0x7fff_ffff_c7ff_fffe
    guard byte < 128 else { return false }
    return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte - 64)) & 1 == 1
  }
}

extension String {
  /// The bytes as text; nil when they are not UTF-8. Callers have seen that they are ASCII.
  init?(ascii bytes: Span<UInt8>) {
    guard let text = try? UTF8Span(validating: bytes) else { return nil }
    self.init(copying: text)
  }
}
