// SPDX-License-Identifier: ISC

package import Mail

/// One `action`: how the envelopes that a rule gives to it are delivered.
package struct DeliveryAction: Hashable, Sendable {
  /// Who delivers, and how.
  package enum Method: Hashable, Sendable {
    case local(Local)
    case relay(Relay)
  }

  /// A delivery on this host.
  package struct Local: Hashable, Sendable {
    package enum Agent: Hashable, Sendable {
      /// A maildir; nil is `~/Maildir`.
      case maildir(path: Format?, junk: Junk)
      /// A command, run by the shell as the recipient's user.
      case command(Format)
    }

    /// Whether a maildir puts what is marked as spam into a folder of its own.
    package enum Junk: UInt8, Sendable {
      case inPlace = 0
      /// `junk`.
      case ownFolder = 1
    }

    package var agent: Agent
    /// The account that delivers for everybody; nil is each recipient's own.
    package var user: String?

    package init(agent: Agent, user: String? = nil) {
      self.agent = agent
      self.user = user
    }
  }

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
    package var rewrite: SenderRewrite?
    /// `backup`: only hosts better than the one named here are used.
    package var backup: String?

    package init() {}
  }

  /// `mail-from`: what becomes of a sender that is not null.
  package enum SenderRewrite: Hashable, Sendable {
    case address(Address)
    /// Keeps the domain.
    case local(String)
    /// Keeps the local part.
    case domain(String)
  }

  package var name: String
  package var method: Method
  /// How long its envelopes may wait; nil is `queue ttl`.
  package var timeToLive: Duration?

  package init(name: String, method: Method, timeToLive: Duration? = nil) {
    self.name = name
    self.method = method
    self.timeToLive = timeToLive
  }
}

extension DeliveryAction.SenderRewrite {
  /// The sender that the next host is told instead of `sender`.
  package func rewriting(_ sender: Address) -> Address {
    switch self {
    case .address(let address): address
    case .local(let local): Address(local: local, domain: sender.domain)
    case .domain(let domain): Address(local: sender.local, domain: domain)
    }
  }
}
