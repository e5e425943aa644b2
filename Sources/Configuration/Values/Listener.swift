// SPDX-License-Identifier: ISC

package import Mail

/// One `listen on` for one address.
package struct Listener: Hashable, Sendable {
  /// What the options of a listener say about its sessions.
  package struct Options: Hashable, Sendable {
    /// The name in banner, HELO reply and Received; nil is the server name.
    package var hostName: String?
    /// `hostnames`: the name by the local address, before `hostName`.
    package var hostNames: TableIndex?
    /// At most 32 characters; empty when there is none.
    package var tag = ""
    /// `mask-src`.
    package var receivedSource = ReceivedSource.shown
    /// `no-dsn`.
    package var notifications = Notifications.offered
    /// TLS.
    package var security = Security()
    /// `auth`, `auth-optional`.
    package var authentication = Authentication()
    /// `received-auth`.
    package var receivedAuthentication = ReceivedAuthentication.hidden
    /// `senders`: what an authenticated user may send as; nil is anything.
    package var senders: Senders?
    /// `proxy-v2`.
    package var proxyHeader = ProxyHeader.none
    /// A filter's name, declared; an inline chain has a name in angle brackets.
    package var filter: String?

    package init() {}
  }

  /// Whether the Received header says where the message came from.
  package enum ReceivedSource: UInt8, Sendable {
    case shown = 0
    /// `mask-src`.
    case masked = 1
  }

  /// Whether EHLO offers DSN (RFC 3461).
  package enum Notifications: UInt8, Sendable {
    case offered = 0
    /// `no-dsn`.
    case refused = 1
  }

  /// Where a listener listens.
  package enum Target: Hashable, Sendable {
    case address(IPAddress)
    /// A host name that neither an interface nor the hosts file knows, in a configuration that was read
    /// without the system's resolver.
    case name(String, Family)
  }

  /// Which addresses of a name count.
  package enum Family: UInt8, Sendable {
    case any = 0
    case inet4 = 4
    case inet6 = 6
  }

  package var target: Target
  package var port: UInt16
  package var options: Options

  package init(target: Target, port: UInt16, options: Options) {
    self.target = target
    self.port = port
    self.options = options
  }
}

extension Listener.Target: CustomStringConvertible {
  package var description: String {
    switch self {
    case .address(let address): address.description
    case .name(let name, _): name
    }
  }
}
