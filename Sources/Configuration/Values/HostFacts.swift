// SPDX-License-Identifier: ISC

package import Mail

/// What the supervisor found out about the host before it read the configuration.
///
/// Roles in a chroot cannot find these out later, so the checker takes them in as values.
package struct HostFacts: Hashable, Sendable {
  /// A network interface and its addresses.
  package struct Interface: Hashable, Sendable {
    package var name: String
    /// Interface groups; Linux has none.
    package var groups: [String]
    package var addresses: [IPAddress]

    package init(name: String, groups: [String] = [], addresses: [IPAddress]) {
      self.name = name
      self.groups = groups
      self.addresses = addresses
    }
  }

  /// The host's canonical name.
  package var hostName: String
  /// The first line of the `mailname` file, which wins over the host's name.
  package var mailName: String?
  package var interfaces: [Interface]
  /// TCP services by name; the mail services are known without it.
  package var services: [String: UInt16]
  /// The text of `/etc/resolv.conf`.
  package var resolverText: String
  /// The text of `/etc/hosts`.
  package var hostsText: String
  /// The DNSSEC trust anchor's text; nil when the host has none.
  package var trustAnchor: String?

  package init(
    hostName: String,
    mailName: String? = nil,
    interfaces: [Interface] = [],
    services: [String: UInt16] = [:],
    resolverText: String = "",
    hostsText: String = "",
    trustAnchor: String? = nil
  ) {
    self.hostName = hostName
    self.mailName = mailName
    self.interfaces = interfaces
    self.services = services
    self.resolverText = resolverText
    self.hostsText = hostsText
    self.trustAnchor = trustAnchor
  }

  /// The name that this server goes by: the mail name, else the host's.
  package var serverName: String {
    guard let mailName, !mailName.isEmpty else { return hostName }
    return mailName
  }

  /// The TCP services of a text in the form of services(5): of a name that is there twice the first counts.
  package static func services(in text: String) -> [String: UInt16] {
    var services: [String: UInt16] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard words.count > 1 else { continue }
      let port = words[1].split(separator: "/", omittingEmptySubsequences: false)
      guard port.count == 2, port[1] == "tcp", let number = UInt16(port[0]), number > 0 else {
        continue
      }
      for name in [words[0]] + words[2...] where services[String(name)] == nil {
        services[String(name)] = number
      }
    }
    return services
  }

  /// Every interface address once, in the order found.
  package var addresses: [IPAddress] {
    var seen: Set<IPAddress> = []
    return interfaces.flatMap(\.addresses).filter { seen.insert($0).inserted }
  }
}
