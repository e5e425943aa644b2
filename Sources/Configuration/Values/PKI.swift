// SPDX-License-Identifier: ISC

/// `pki NAME …`: a certificate with its key.
package struct PKI: Hashable, Sendable {
  /// The parameters of a finite-field Diffie-Hellman exchange.
  package enum FiniteFieldExchange: String, CaseIterable, Sendable {
    /// The exchange is not offered.
    case none = "none"
    /// As strong as the key.
    case auto = "auto"
    /// 1024 bits.
    case legacy = "legacy"
  }

  /// A domain in lower case, `*.` and a domain, or `*`, which stands for what no other name fits.
  package var name: String
  /// The path of the certificate chain.
  package var certificate: String
  /// The path of the private key.
  package var key: String
  /// `dhe`.
  package var exchange: FiniteFieldExchange

  package init(
    name: String,
    certificate: String,
    key: String,
    exchange: FiniteFieldExchange = .none
  ) {
    self.name = name
    self.certificate = certificate
    self.key = key
    self.exchange = exchange
  }
}

/// `ca NAME cert FILE`: whom to trust when a peer's certificate is verified.
package struct CertificateAuthority: Hashable, Sendable {
  /// In lower case; a domain, `*.` and a domain, or `*`.
  package var name: String
  /// The path of the bundle.
  package var certificate: String

  package init(name: String, certificate: String) {
    self.name = name
    self.certificate = certificate
  }
}
