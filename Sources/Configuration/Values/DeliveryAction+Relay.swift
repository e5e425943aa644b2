// SPDX-License-Identifier: ISC

package import Mail

extension DeliveryAction {
  /// A delivery to another host.
  package struct Relay: Hashable, Sendable {
    /// `host`: where everything goes, each in turn; empty means by the recipient's domain.
    package var hosts: [RelayURL] = []
    /// The name in HELO; nil is the server's name.
    package var helo: String?
    /// `helo-src`: the name in HELO by local address, before `helo`.
    package var heloBySource: [IPAddress: String] = [:]
    /// Local addresses, picked in turn; empty leaves it to the system.
    package var sources: [IPAddress] = []
    /// `mail-from`.
    package var rewrite: SenderRewrite?
    /// `backup`: only hosts better than the one named here are used.
    package var backup: String?
    /// TLS.
    package var security = RelaySecurity()
    /// `auth`: user and password by the label of a URL.
    package var credentials: TableIndex?
    /// A filter's name, declared; an inline chain has a name in angle brackets.
    package var filter: String?
    /// `srs`.
    package var forwardedSender = ForwardedSender.kept
    /// The tables that are asked at each delivery: what is in them may change.
    package var tables = RelayTables()

    package init() {}
  }

  /// What a relay says about TLS; a URL can say more.
  package struct RelaySecurity: Hashable, Sendable {
    /// What is done about a host that does not offer TLS.
    package enum Encryption: UInt8, Sendable {
      /// As the URL says.
      case byTransport = 0
      /// `tls`: nothing is sent without it.
      case required = 1
    }

    /// Whether a required TLS needs a valid certificate.
    package enum Verification: UInt8, Sendable {
      case demanded = 0
      /// `no-verify`.
      case waived = 1
    }

    /// Whether mail goes without TLS.
    package var encryption = Encryption.byTransport
    /// Of a host that TLS is required of.
    package var verification = Verification.demanded
    /// The name of a `pki`, declared: what we show a host that asks.
    package var certificate: String?
    /// The name of a `ca`, declared.
    package var authority: String?
    /// Nil is the TLS library's choice.
    package var ciphers: String?
    /// Nil is the TLS library's choice.
    package var protocols: String?

    package init() {}
  }

  /// The sender of a message that was forwarded.
  package enum ForwardedSender: UInt8, Sendable {
    case kept = 0
    /// `srs`: made one of this host's.
    case rewritten = 1
  }

  /// Tables of a relay whose entries are not in the configuration, and that of `domain`.
  package struct RelayTables: Hashable, Sendable {
    /// `host`.
    package var hosts: TableIndex?
    /// `domain`: where a domain's mail goes, by domains in lower case.
    package var domains: TableIndex?
    /// `src`.
    package var sources: TableIndex?
    /// `helo-src`.
    package var heloNames: TableIndex?

    package init() {}

    /// Every table that is given.
    package var all: [TableIndex] { [hosts, domains, sources, heloNames].compactMap { $0 } }
  }
}

extension DeliveryAction.Relay {
  /// Whether the action itself says where mail goes, whatever the recipient's domain.
  package var namesHosts: Bool { !hosts.isEmpty || tables.hosts != nil }
}
