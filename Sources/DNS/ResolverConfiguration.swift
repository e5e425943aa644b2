// SPDX-License-Identifier: ISC

package import Mail

/// What a resolver works with. The texts are read by somebody else: the role has no file system.
package struct ResolverConfiguration: Hashable, Sendable {
  package var mode: Mode
  /// The content of the hosts file.
  package var hosts = ""
  /// DS or DNSKEY records in zone file form, a line each; empty: nothing is validated.
  package var trustAnchor = ""
  package var limits = ResolverLimits()

  package enum Mode: Hashable, Sendable {
    /// The servers of a resolv.conf with this content; validated where they pass DNSSEC on.
    case system(resolvConf: String)
    /// From the root servers down; always validated when there is a trust anchor.
    case recursive
    /// These servers, as `system`.
    case forwarders([DNSServer])
  }

  package init(mode: Mode) { self.mode = mode }
}

/// Bounds of the resolver.
package struct ResolverLimits: Hashable, Sendable {
  package var questionsInFlight = 4096
  /// Records of one answer that are looked at; the rest is dropped.
  package var records = 128
  /// Bytes of one answer.
  package var answerBytes = 65_535
  package var questionTime: Duration = .seconds(30)

  package init() {}
}

/// The address of a name server.
package struct DNSServer: Hashable, Sendable {
  package let address: IPAddress
  package let port: UInt16

  package init(address: IPAddress, port: UInt16 = 53) {
    self.address = address
    self.port = port
  }

  /// Reads `ADDRESS` or `ADDRESS@PORT`.
  package init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard 1...2 ~= parts.count, let address = IPAddress(parsing: parts[0]) else { return nil }
    self.address = address
    guard parts.count == 2 else {
      port = 53
      return
    }
    guard let port = UInt16(parts[1]), port > 0 else { return nil }
    self.port = port
  }

  /// The servers of a resolv.conf; this host's own when it names none (resolv.conf(5)).
  package static func servers(resolvConf text: String) -> [DNSServer] {
    var servers: [DNSServer] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2, words[0] == "nameserver",
        let address = IPAddress(parsing: words[1])
      else { continue }
      servers.append(DNSServer(address: address))
    }
    return servers.isEmpty ? [DNSServer(address: .inet4(0x7f00_0001))] : servers
  }
}

/// Why there is no resolver.
package enum ResolverError: Error, Hashable, Sendable {
  /// libunbound refused a setting or the trust anchor.
  case setting(String, reason: String)
  /// The system gave no thread, pipe or memory.
  case system(call: String, code: Int32)
}
