// SPDX-License-Identifier: ISC

package import Mail

/// One `listen on` for one address.
package struct Listener: Hashable, Sendable {
  /// What the options of a listener say about its sessions.
  package struct Options: Hashable, Sendable {
    /// The name in banner, HELO reply and Received; nil is the server name.
    package var hostName: String?
    /// At most 32 characters; empty when there is none.
    package var tag = ""
    package var receivedSource = ReceivedSource.shown
    package var notifications = Notifications.offered

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
    /// A host name that neither an interface nor the hosts file knows: the system resolves it when
    /// the socket is opened.
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
