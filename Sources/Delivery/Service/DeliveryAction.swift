// SPDX-License-Identifier: ISC

package import DNS
package import Mail

/// The delivering role's projection of one `action` of the configuration.
package enum DeliveryAction: Hashable, Sendable {
  case relay(RelayAction)
  /// A program that the supervisor starts: one of ours, or a command.
  case command
  case lmtp(LMTPAction)
  /// `forward-only`, `expand-only`: commands and files that an expansion led to, and nobody's mail.
  case expansion
}

/// What an action with the method `lmtp` asks for.
package struct LMTPAction: Hashable, Sendable {
  /// Whom the server is told a message is for.
  package enum Recipient: UInt8, Hashable, Sendable {
    /// The name of the user, alone.
    case user = 0
    /// The address after expansion: `rcpt-to`.
    case address = 1
  }

  /// A local socket is connected by the supervisor, which knows its path; here it is only a name.
  package var host: RelayHost
  package var port: UInt16
  /// What RCPT says.
  package var recipient: Recipient
  /// The name for LHLO.
  package var helo: String

  package init(host: RelayHost, port: UInt16 = 0, recipient: Recipient = .user, helo: String) {
    self.host = host
    self.port = port
    self.recipient = recipient
    self.helo = helo
  }
}

/// What an action with the method `relay` asks for.
package struct RelayAction: Hashable, Sendable {
  /// Smart hosts of `host`; empty: by the MX of each destination.
  package var hosts: [SmartHost] = []
  /// The name for EHLO.
  package var helo: String
  /// Local addresses to send from, used in turn; empty: the system chooses.
  package var sources: [IPAddress] = []
  package var backup: BackupRule = .ordinary
  /// The name for EHLO by local address, before `helo`.
  package var heloBySource: [IPAddress: String] = [:]
  /// What becomes of a sender that is not null; nil leaves it.
  package var rewrite: SenderRewrite?
  /// What it says about TLS.
  package var security = RelaySecurity()
  /// What of this lookup has to be asked about at each delivery.
  package var tables: RelayTables = []

  /// `mail-from`.
  package enum SenderRewrite: Hashable, Sendable {
    case address(Address)
    /// Keeps the domain.
    case local(String)
    /// Keeps the local part.
    case domain(String)

    package func rewriting(_ sender: Address) -> Address {
      switch self {
      case .address(let address): address
      case .local(let local): Address(local: local, domain: sender.domain)
      case .domain(let domain): Address(local: sender.local, domain: domain)
      }
    }
  }

  /// Which mail exchangers may be used.
  package enum BackupRule: Hashable, Sendable {
    case ordinary
    /// `backup mx NAME`: only those better than NAME; all when NAME is not among them.
    case behind(DomainName)
  }

  package init(helo: String) { self.helo = helo }
}

/// The tables of a relay that lookup has.
package struct RelayTables: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `host`: a host for each delivery, in turn.
  package static let hosts = RelayTables(rawValue: 1)
  /// `domain`: the host of a domain.
  package static let domains = RelayTables(rawValue: 2)
  /// `src`.
  package static let sources = RelayTables(rawValue: 4)
  /// `helo-src`.
  package static let heloNames = RelayTables(rawValue: 8)
}

/// What lookup answers about the tables of a relay.
package enum RelayAnswer: Hashable, Sendable {
  /// Each counts where the relay has its table.
  case facts(host: SmartHost?, sources: [IPAddress], heloNames: [IPAddress: String])
  /// The tables do not say; temporary.
  case refused(String)
}

extension RelayAction {
  /// The same relay with what its tables say of one delivery.
  func completed(
    host: SmartHost?,
    sources: [IPAddress],
    heloNames: [IPAddress: String]
  ) -> RelayAction {
    var relay = self
    if !tables.isDisjoint(with: [.hosts, .domains]) { relay.hosts = host.map { [$0] } ?? [] }
    if tables.contains(.sources) { relay.sources = sources }
    if tables.contains(.heloNames) { relay.heloBySource = heloNames }
    relay.tables = []
    return relay
  }
}

/// A relay URL of the configuration: `[proto://][label@]host[:port]`.
package struct SmartHost: Hashable, Sendable {
  package var transport: RelayTransport
  package var host: RelayHost
  package var port: UInt16
  /// Where the credentials are; nil: no authentication.
  package var label: String?

  package init(transport: RelayTransport, host: RelayHost, port: UInt16, label: String? = nil) {
    self.transport = transport
    self.host = host
    self.port = port
    self.label = label
  }
}

/// The words before `://` in a relay URL.
package enum RelayTransport: String, Hashable, Sendable {
  /// STARTTLS when offered.
  case smtp = "smtp"
  case smtpTLS = "smtp+tls"
  case smtpNoTLS = "smtp+notls"
  case smtps = "smtps"
  case lmtp = "lmtp"
}

/// A host as the configuration names it.
package enum RelayHost: Hashable, Sendable {
  case name(DomainName)
  case address(IPAddress)
  /// An absolute path of a local socket; LMTP only.
  case socket(String)
}

extension RelayHost: CustomStringConvertible {
  package var description: String {
    switch self {
    case .name(let name): name.text
    case .address(let address): "[\(address)]"
    case .socket(let path): path
    }
  }
}
