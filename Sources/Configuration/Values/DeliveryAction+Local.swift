// SPDX-License-Identifier: ISC

extension DeliveryAction {
  /// A delivery on this host.
  package struct Local: Hashable, Sendable {
    /// Who takes the message.
    package enum Agent: Hashable, Sendable {
      /// A maildir; nil is `~/Maildir`.
      case maildir(path: Format?, junk: Junk)
      /// A command, run by the shell as the recipient's user.
      case command(Format)
      /// The user's mailbox of the system.
      case mbox
      case lmtp(LMTP)
      /// Only what `~/.forward` says; without one the recipient is refused for now.
      case forwardOnly
      /// Only what aliases say; a recipient that ends at a user is refused.
      case expandOnly

      /// Whether one transaction carries a message to all its users.
      var servesMany: Bool {
        if case .lmtp = self { true } else { false }
      }
    }

    /// Whether a maildir puts what is marked as spam into a folder of its own.
    package enum Junk: UInt8, Sendable {
      case inPlace = 0
      /// `junk`.
      case ownFolder = 1
    }

    /// Which table recipients are looked up in first.
    package enum Aliases: Hashable, Sendable {
      /// `alias`: by the name of a user.
      case alias(TableIndex)
      /// `virtual`: by address; what is not in it is refused.
      case virtual(TableIndex)

      /// Whichever it is.
      package var table: TableIndex {
        switch self {
        case .alias(let table), .virtual(let table): table
        }
      }
    }

    /// `mda wrapper`: a command around the one that delivers.
    package struct Wrapper: Hashable, Sendable {
      /// Unique.
      package var name: String
      /// `%{mda}` in it is the command that delivers.
      package var command: Format

      package init(name: String, command: Format) {
        self.name = name
        self.command = command
      }
    }

    /// Who takes the message.
    package var agent: Agent
    /// The account that delivers for everybody; nil is each recipient's own.
    package var user: String?
    /// `alias` or `virtual`; never both.
    package var aliases: Aliases?
    /// Where users are looked up; nil is the accounts of the system.
    package var userBase: TableIndex?
    /// What the agent is run through.
    package var wrapper: Wrapper?

    package init(agent: Agent, user: String? = nil) {
      self.agent = agent
      self.user = user
    }
  }

  /// `lmtp`: a server that takes each recipient by itself.
  package struct LMTP: Hashable, Sendable {
    /// Where the server is.
    package enum Destination: Hashable, Sendable {
      case host(RelayURL.Host, port: UInt16)
      /// The absolute path of a socket.
      case socket(String)
    }

    /// What RCPT says.
    package enum Recipient: UInt8, Sendable {
      /// The user's name.
      case user = 0
      /// `rcpt-to`: the recipient's address after expansion.
      case address = 1
    }

    /// Where the server is.
    package var destination: Destination
    /// What RCPT says.
    package var recipient: Recipient

    package init(destination: Destination, recipient: Recipient) {
      self.destination = destination
      self.recipient = recipient
    }
  }
}

extension DeliveryAction.LMTP.Destination {
  /// Why a text is no destination.
  package enum Fault: Error, Hashable, Sendable {
    case form
    /// There is no service of this name.
    case service(String)
  }

  /// `/path`, `host:port` or `[address]:port`, where the port may be the name of a service.
  package init(parsing text: String, servicePort: (String) -> UInt16?) throws(Fault) {
    if text.first == "/" {
      guard text.utf8.count < Self.pathMax else { throw .form }
      self = .socket(text)
      return
    }
    var text = text
    var unknown: String?
    if let colon = text.lastIndex(of: ":") {
      let name = String(text[text.index(after: colon)...])
      if Self.isService(name) {
        unknown = servicePort(name) == nil ? name : nil
        text = "\(text[...colon])\(servicePort(name) ?? 1)"
      }
    }
    guard let url = try? RelayURL(parsing: "lmtp://\(text)"), url.label == nil else { throw .form }
    if let unknown { throw .service(unknown) }
    self = .host(url.host, port: url.port)
  }

  /// Whether it is no number, and may be a name of services(5).
  private static func isService(_ text: String) -> Bool {
    text.utf8.contains { !(0x30...0x39 ~= $0) }
      && text.utf8.allSatisfy { 0x21...0x7e ~= $0 && $0 != UInt8(ascii: "]") }
  }

  /// Bytes of a socket's path, its end included.
  private static var pathMax: Int { 108 }
}

extension DeliveryAction.LMTP.Destination: CustomStringConvertible {
  package var description: String {
    switch self {
    case .socket(let path): path
    case .host(let host, let port):
      String(RelayURL(transport: .lmtp, host: host, port: port).description.dropFirst(7))
    }
  }
}
