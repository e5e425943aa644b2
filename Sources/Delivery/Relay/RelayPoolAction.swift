// SPDX-License-Identifier: ISC

package import DNS
internal import Mail

/// What `RelayPool` wants done.
package enum RelayPoolAction: Hashable, Sendable {
  case ask(DNSQuestion)
  /// Connect; tell the pool `sessionReady` or `sessionEnded`.
  case connect(session: UInt64, RelayConnection)
  /// The session is ready and this is its next task.
  case deliver(task: UInt64, session: UInt64)
  /// Say QUIT; tell the pool `sessionEnded`.
  case quit(session: UInt64)
  case hold(task: UInt64, HoldID)
  case release(HoldID, TaskBacklog.Release)
  /// The try of this task is over, without a session. `pause` is how long every other one would end so,
  /// where that is known.
  case fail(task: UInt64, RelayFailure, pause: Duration?)
  case log(String)
}

/// Where a session goes, and what it is for.
package struct RelayConnection: Hashable, Sendable {
  package let relay: RelayKey
  package let route: RouteKey
  /// The name that led to the address, if any.
  package let name: DomainName?

  package init(relay: RelayKey, route: RouteKey, name: DomainName?) {
    self.relay = relay
    self.route = route
    self.name = name
  }

  /// The server as a delivery status names it (RFC 3464 section 2.3.5): its name, or its address as a
  /// literal; empty for one behind a local socket.
  package var peerName: String {
    if let name { return name.text }
    return switch route.endpoint.address {
    case .inet4(let value)?: "[\(IPAddress.inet4(value))]"
    case .inet6(let high, let low)?: "[IPv6:\(IPAddress.inet6(high, low))]"
    case nil: ""
    }
  }
}
