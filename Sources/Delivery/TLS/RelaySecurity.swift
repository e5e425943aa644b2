// SPDX-License-Identifier: ISC

internal import SMTP

/// What an action says about TLS; a relay URL can say more.
package struct RelaySecurity: Hashable, Sendable {
  /// What is done about a host that does not offer TLS.
  package enum Encryption: Sendable {
    /// As the URL says.
    case byTransport
    /// `tls`: nothing is sent without it.
    case required
  }

  /// Whether a required TLS needs a valid certificate.
  package enum Verification: Sendable {
    case demanded
    /// `no-verify`.
    case waived
  }

  /// When a connection is encrypted, and what the host's certificate has to be.
  package enum Mode: Hashable, Sendable {
    case never
    /// Where it is offered, with whatever certificate; in clear when it fails.
    case opportunistic
    case required(Verification)
    /// From the first byte.
    case immediate(Verification)
    /// The action wants what the URL forbids.
    case contradiction
  }

  /// `tls`.
  package var encryption = Encryption.byTransport
  /// `no-verify`.
  package var verification = Verification.demanded
  /// The name of the `pki` whose certificate is shown to a host that asks.
  package var certificate: String?
  /// The name of a `ca`; nil: the anchors of the system.
  package var authority: String?
  /// Nil: the usual ones.
  package var ciphers: String?
  /// Nil: the usual ones.
  package var protocols: String?

  /// Everything as the URL says.
  package init() {}

  /// What it comes to with a URL.
  package func mode(over transport: RelayTransport) -> Mode {
    switch (transport, encryption) {
    case (.lmtp, .byTransport), (.smtpNoTLS, .byTransport): .never
    case (.lmtp, .required), (.smtpNoTLS, .required): .contradiction
    case (.smtp, .byTransport): .opportunistic
    case (.smtp, .required), (.smtpTLS, _): .required(verification)
    case (.smtps, _): .immediate(verification)
    }
  }
}

extension RelaySecurity.Mode {
  /// What it is to the client's side of a session.
  var session: ClientSession.Security {
    switch self {
    case .never, .contradiction: .never
    case .opportunistic: .opportunistic
    case .required: .required
    case .immediate: .immediate
    }
  }
}
