// SPDX-License-Identifier: ISC

package import Mail

extension ServerSession {
  /// What a listener's sessions have in common.
  package struct Configuration: Hashable, Sendable {
    /// The name of the greeting, of Received and of what completes an address.
    package var serverName: String
    /// The server's own name in the greeting and in Received.
    package var software = "OpenSMTPD"
    /// The listener's tag; empty when it has none.
    package var tag = ""
    package var deliveryNotification = DeliveryNotification.offered
    package var headerCompletion = HeaderCompletion.addresses
    package var source = SourceDisclosure.shown
    /// The listener's `tls`, `tls-require` or `smtps`.
    package var encryption = EncryptionPolicy.none
    /// The listener's `auth` or `auth-optional`.
    package var authentication = AuthenticationPolicy.none
    /// `received-auth`.
    package var receivedAuthentication = AuthenticationDisclosure.hidden
    /// `senders`.
    package var senders = SenderPolicy.anybody
    package var limits = Limits()

    package init(serverName: String) { self.serverName = serverName }
  }

  /// Whether DSN (RFC 3461) is offered (`no-dsn`).
  package enum DeliveryNotification: Hashable, Sendable {
    case offered
    case withheld
  }

  /// What is put right in the header section of what is received.
  package enum HeaderCompletion: Hashable, Sendable {
    /// Addresses of To, Cc and From without a domain get the server's; Bcc is removed.
    case addresses
    /// That, and a missing Date or Message-ID is added: the submission socket and port 587.
    case addressesAndMissingFields
  }

  /// Whether Received tells where a message came from (`mask-src`).
  package enum SourceDisclosure: Hashable, Sendable {
    case shown
    case masked
  }

  /// When sessions are encrypted.
  package enum EncryptionPolicy: Hashable, Sendable {
    case none
    /// STARTTLS is offered.
    case offered
    /// STARTTLS comes before MAIL.
    case required
    /// From the first byte.
    case immediate
  }

  /// When clients say who they are. AUTH is announced and taken in encrypted sessions only.
  package enum AuthenticationPolicy: Hashable, Sendable {
    case none
    case offered
    /// AUTH comes before MAIL.
    case required
  }

  /// Whether Received tells who authenticated.
  package enum AuthenticationDisclosure: Hashable, Sendable {
    case hidden
    case shown
  }

  /// What addresses a user may send from, once he is known.
  package enum SenderPolicy: Hashable, Sendable {
    case anybody
    /// Those that `checkSender` is answered for.
    case checked
    /// Those, and the addresses of From become the sender's.
    case masqueraded
  }

  /// Who connected.
  package struct Client: Hashable, Sendable {
    package let session: SessionID
    package let source: SourceAddress
    /// The reverse name; `<unknown>` when there is none, or when it has what no name has: it comes from
    /// the DNS of strangers, and stands in Received.
    package let hostname: String

    package init(session: SessionID, source: SourceAddress, hostname: String) {
      self.session = session
      self.source = source
      self.hostname = Address.isDomain(hostname) ? hostname : "<unknown>"
    }

    /// The address between brackets, `[local]` for the submission socket.
    var bracketedSource: String {
      guard let address = IPAddress(source) else { return "[local]" }
      return "[\(address)]"
    }
  }
}

extension ServerSession.Configuration {
  var greeting: Reply { Reply(220, nil, "\(serverName) ESMTP \(software)") }

  func helo(_ name: String, _ client: ServerSession.Client) -> Reply {
    Reply(250, nil, hello(name, client))
  }

  func ehlo(
    _ name: String,
    _ client: ServerSession.Client,
    offersTLS: Bool,
    offersAuthentication: Bool
  ) -> Reply {
    Reply(
      code: 250,
      status: nil,
      lines: [hello(name, client)] + extensions(offersTLS, offersAuthentication)
    )
  }

  var help: Reply {
    Reply(
      code: 214,
      status: nil,
      lines: [
        "This is an SMTP server of the Talaria mail system",
        "HELO EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT HELP VRFY",
        "Its operator reads postmaster@\(serverName)",
        "2.0.0 End of HELP info",
      ]
    )
  }

  /// What EHLO announces, in order.
  private func extensions(_ offersTLS: Bool, _ offersAuthentication: Bool) -> [String] {
    var lines = ["8BITMIME", "ENHANCEDSTATUSCODES", "SIZE \(limits.messageSizeMax)"]
    if deliveryNotification == .offered { lines.append("DSN") }
    if offersTLS { lines.append("STARTTLS") }
    if offersAuthentication { lines.append("AUTH PLAIN LOGIN") }
    return lines + ["PIPELINING", "HELP"]
  }

  private func hello(_ name: String, _ client: ServerSession.Client) -> String {
    "\(serverName) Hello \(name) \(client.bracketedSource), pleased to meet you"
  }
}
