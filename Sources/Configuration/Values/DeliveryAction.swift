// SPDX-License-Identifier: ISC

package import Mail

/// One `action`: how the envelopes that a rule gives to it are delivered.
package struct DeliveryAction: Hashable, Sendable {
  /// Who delivers, and how.
  package enum Method: Hashable, Sendable {
    case local(Local)
    case relay(Relay)
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
