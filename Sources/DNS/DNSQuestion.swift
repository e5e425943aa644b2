// SPDX-License-Identifier: ISC

package import Mail

/// What may be asked of the resolver.
package enum DNSQuestion: Hashable, Sendable {
  /// MX of a domain.
  case mailExchangers(DomainName)
  /// A and AAAA of a host; the hosts file is asked first.
  case addresses(DomainName)
  /// PTR of an address.
  case pointer(IPAddress)
}

extension DNSQuestion: CustomStringConvertible {
  package var description: String {
    switch self {
    case .mailExchangers(let name): "MX \(name)"
    case .addresses(let name): "A, AAAA \(name)"
    case .pointer(let address): "PTR \(address)"
    }
  }
}
