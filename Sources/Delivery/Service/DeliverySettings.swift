// SPDX-License-Identifier: ISC

package import DNS
package import Mail

/// The delivering role's projection of the configuration.
package struct DeliverySettings: Sendable {
  /// By name. A task whose action is not here is deferred with that reason.
  package var actions: [String: DeliveryAction] = [:]
  package var relayLimits = RelayLimits()
  /// Instead of `relayLimits`, by domain in lower case.
  package var relayLimitsByDomain: [String: RelayLimits] = [:]
  package var localLimits = LocalLimits()
  /// The names under which this server takes mail: an MX record that names one of them is our own.
  package var ownNames: Set<DomainName> = []
  /// The addresses at which this server takes mail on port 25.
  package var ownAddresses: Set<IPAddress> = []
  /// The port of relaying by MX; another one than 25 is for tests.
  package var exchangerPort: UInt16 = 25
  /// Bytes of a body that the queue may send ahead of what was passed on.
  package var bodyWindow = 256 * 1024
  /// For how long a peer may be silent in any state.
  package var peerTimeout: Duration = .seconds(300)
  /// For how long a connection may take to come about.
  package var connectTimeout: Duration = .seconds(30)

  package init() {}
}
