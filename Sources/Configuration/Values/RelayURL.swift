// SPDX-License-Identifier: ISC

package import Mail

/// A host to relay to: `[proto://][label@]host[:port]`.
package struct RelayURL: Hashable, Sendable {
  /// The dialogue, and what it does about TLS.
  package enum Transport: UInt8, CaseIterable, Sendable {
    /// STARTTLS when it is offered; falls back to clear text.
    case smtp = 0
    /// STARTTLS and a verified certificate, or no delivery.
    case smtpRequiringTLS = 1
    /// Never TLS.
    case smtpWithoutTLS = 2
    /// TLS from the first byte, verified.
    case smtps = 3
    case lmtp = 4
  }

  /// A name or an address.
  package enum Host: Hashable, Sendable {
    case name(String)
    case address(IPAddress)
  }

  /// Why a text is no relay URL.
  package enum Fault: Error, Hashable, Sendable {
    case unknownProtocol(String)
    case label(String)
    case host(String)
    case port(String)
    /// LMTP has no port of its own.
    case portMissing
  }

  package var transport: Transport
  /// The key of the credentials.
  package var label: String?
  package var host: Host
  package var port: UInt16

  package init(transport: Transport, label: String? = nil, host: Host, port: UInt16) {
    self.transport = transport
    self.label = label
    self.host = host
    self.port = port
  }

  package init(parsing text: String) throws(Fault) {
    var rest = text[...]
    transport = .smtp
    if let (scheme, remainder) = RelayURL.separate(rest, at: "://") {
      guard let known = Transport.allCases.first(where: { $0.scheme == scheme.lowercased() })
      else { throw .unknownProtocol(String(scheme)) }
      transport = known
      rest = remainder
    }
    if let (name, remainder) = RelayURL.separate(rest, at: "@") {
      guard !name.isEmpty, transport.authenticates else { throw .label(String(name)) }
      label = String(name)
      rest = remainder
    }
    let (hostText, portText) = try RelayURL.hostAndPort(rest)
    host = try RelayURL.host(hostText)
    if let portText {
      guard 1...5 ~= portText.utf8.count, portText.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
        let number = UInt16(portText), number > 0
      else { throw .port(String(portText)) }
      port = number
    } else {
      guard let usual = transport.usualPort else { throw .portMissing }
      port = usual
    }
  }

  private static func separate(
    _ text: Substring,
    at separator: String
  ) -> (Substring, Substring)? {
    var index = text.startIndex
    while index < text.endIndex {
      if text[index...].hasPrefix(separator) {
        return (text[..<index], text[text.index(index, offsetBy: separator.count)...])
      }
      index = text.index(after: index)
    }
    return nil
  }

  private static func hostAndPort(
    _ text: Substring
  ) throws(Fault) -> (Substring, Substring?) {
    if text.first == "[" {
      guard let close = text.firstIndex(of: "]") else { throw .host(String(text)) }
      let rest = text[text.index(after: close)...]
      if rest.isEmpty { return (text, nil) }
      guard rest.first == ":" else { throw .host(String(text)) }
      return (text[...close], rest.dropFirst())
    }
    guard let colon = text.firstIndex(of: ":") else { return (text, nil) }
    return (text[..<colon], text[text.index(after: colon)...])
  }

  private static func host(_ text: Substring) throws(Fault) -> Host {
    if text.first == "[" {
      var inner = text.dropFirst().dropLast()
      if inner.prefix(5).lowercased() == "ipv6:" { inner = inner.dropFirst(5) }
      guard let address = IPAddress(parsing: inner) else { throw .host(String(text)) }
      return .address(address)
    }
    if let address = IPAddress(parsing: text) { return .address(address) }
    guard HostName.isValid(text) else { throw .host(String(text)) }
    return .name(String(text))
  }
}

extension RelayURL.Transport {
  /// The word before `://`.
  package var scheme: String {
    switch self {
    case .smtp: "smtp"
    case .smtpRequiringTLS: "smtp+tls"
    case .smtpWithoutTLS: "smtp+notls"
    case .smtps: "smtps"
    case .lmtp: "lmtp"
    }
  }

  /// The port when none is stated; LMTP has none.
  package var usualPort: UInt16? {
    switch self {
    case .smtp, .smtpRequiringTLS, .smtpWithoutTLS: 25
    case .smtps: 465
    case .lmtp: nil
    }
  }

  /// A label, and with it a password, may only go where TLS is certain.
  package var authenticates: Bool { self == .smtpRequiringTLS || self == .smtps }
}

extension RelayURL: CustomStringConvertible {
  package var description: String {
    let host =
      switch self.host {
      case .name(let name): name
      case .address(.inet4(let value)): IPAddress.inet4(value).description
      case .address(let address): "[\(address)]"
      }
    return "\(transport.scheme)://\(label.map { $0 + "@" } ?? "")\(host):\(port)"
  }
}

/// The syntax of host names (RFC 1123, with the underscore that the world uses).
package enum HostName {
  package static func isValid(_ text: some StringProtocol) -> Bool {
    guard 1...255 ~= text.utf8.count else { return false }
    return text.utf8.split(separator: 0x2e, omittingEmptySubsequences: false).allSatisfy { label in
      1...63 ~= label.count && label.first != 0x2d && label.last != 0x2d
        && label.allSatisfy { byte in
          switch byte {
          case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: true
          default: false
          }
        }
    }
  }
}
