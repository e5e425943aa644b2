// SPDX-License-Identifier: ISC

extension Listener {
  /// What a listener says about TLS.
  package struct Security: Hashable, Sendable {
    /// When a session is encrypted.
    package enum Encryption: UInt8, CaseIterable, Sendable {
      case none = 0
      /// `tls`: STARTTLS is offered.
      case offered = 1
      /// `tls-require`: nothing is taken before STARTTLS.
      case required = 2
      /// `smtps`: from the first byte.
      case immediate = 3
    }

    /// Whether a client has to prove who it is.
    package enum ClientCertificate: UInt8, Sendable {
      case unasked = 0
      /// `verify`: a valid one, or no session.
      case demanded = 1
    }

    /// When a session is encrypted.
    package var encryption = Encryption.none
    /// Only demanded with STARTTLS that is required, or with TLS from the start.
    package var clientCertificate = ClientCertificate.unasked
    /// Names of `pki`, all declared, in the order given; chosen by SNI, `*` or else the first when
    /// none fits. Not empty when `encryption` is anything but `none`.
    package var certificates: [String] = []
    /// The name of a `ca`, declared.
    package var authority: String?
    /// Nil is `smtp ciphers`.
    package var ciphers: String?
    /// Nil is the TLS library's choice.
    package var protocols: String?

    package init() {}
  }

  /// What a listener says about AUTH.
  package struct Authentication: Hashable, Sendable {
    /// Who may send without it.
    package enum Policy: UInt8, CaseIterable, Sendable {
      /// AUTH is not offered.
      case none = 0
      /// `auth-optional`.
      case optional = 1
      /// `auth`.
      case required = 2
    }

    /// Only `none` where TLS is not offered.
    package var policy = Policy.none
    /// Nil is the accounts of the system.
    package var credentials: TableIndex?

    package init() {}
  }

  /// Whether the Received header says who authenticated.
  package enum ReceivedAuthentication: UInt8, Sendable {
    case hidden = 0
    /// `received-auth`.
    case shown = 1
  }

  /// `senders`: by user, the addresses that he may send from.
  package struct Senders: Hashable, Sendable {
    /// What becomes of the message's From.
    package enum Header: UInt8, Sendable {
      case kept = 0
      /// `masquerade`: it is made the sender.
      case replaced = 1
    }

    /// A map from users to lists of addresses.
    package var table: TableIndex
    /// Whether From is made to fit.
    package var header: Header

    package init(table: TableIndex, header: Header) {
      self.table = table
      self.header = header
    }
  }

  /// What stands before a session's first byte.
  package enum ProxyHeader: UInt8, Sendable {
    case none = 0
    /// `proxy-v2`: a header that names the true client.
    case version2 = 2
  }
}
