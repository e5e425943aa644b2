// SPDX-License-Identifier: ISC

package import DNS
package import Mail

/// One address that mail for a destination may be taken to.
package struct RelayTarget: Hashable, Sendable {
  /// Lower is better.
  package let preference: UInt16
  package let endpoint: RelayEndpoint
  /// The name that led to the address; nil for an address literal or a local socket.
  package let name: DomainName?

  package init(preference: UInt16, endpoint: RelayEndpoint, name: DomainName?) {
    self.preference = preference
    self.endpoint = endpoint
    self.name = name
  }
}

/// What a connection is made to.
package enum RelayEndpoint: Hashable, Sendable {
  case inet(IPAddress, port: UInt16)
  /// A local stream socket.
  case local(path: String)

  /// Nil for a local socket.
  package var address: IPAddress? {
    switch self {
    case .inet(let address, _): address
    case .local: nil
    }
  }
}

extension RelayEndpoint: CustomStringConvertible {
  /// The address as log lines have it: brackets around version 6, no port.
  package var description: String {
    switch self {
    case .inet(.inet6(let high, let low), _): "[\(IPAddress.inet6(high, low))]"
    case .inet(let address, _): address.description
    case .local(let path): path
    }
  }
}

/// Why a destination cannot be reached, in the words that operators know.
package struct RelayFailure: Hashable, Sendable, Error {
  package enum Kind: UInt8, Sendable {
    case temporary
    case permanent
    case loop
  }

  package let kind: Kind
  package let status: EnhancedStatus
  package let text: String

  package init(_ kind: Kind, _ subject: UInt16, _ detail: UInt16, _ text: String) {
    self.kind = kind
    status = EnhancedStatus(kind == .temporary ? .temporary : .permanent, subject, detail)
    self.text = text
  }

  package static let lookupFailed = Self(.temporary, 4, 3, "Temporary failure in MX lookup")
  package static let invalidName = Self(.permanent, 1, 2, "Invalid domain name")
  package static let noDomain = Self(.permanent, 1, 2, "Domain does not exist")
  package static let noExchanger = Self(.permanent, 4, 4, "No MX found for domain")
  /// A name of the configuration: an operator's slip is no reason to return everybody's mail.
  package static let noHost = Self(.temporary, 4, 4, "Host not found")
  package static let nullExchanger = Self(.permanent, 1, 10, "Domain does not accept mail")
  package static let loop = Self(.loop, 4, 6, "Loop detected: we are the best MX of the domain")
  package static let noExchangerAddress = Self(.permanent, 4, 4, "No MX found for destination")
  package static let familyMismatch = Self(
    .temporary,
    4,
    4,
    "Address family mismatch on destination MXs"
  )
  package static let networkError = Self(.temporary, 4, 1, "Network error on destination MXs")
  package static let rejectsAll = Self(
    .temporary,
    4,
    1,
    "Destination seem to reject all mails"
  )
  package static let blocked = Self(.temporary, 4, 1, "All routes to destination blocked")
  /// There is no TLS where it has to be, in these words.
  package static func tls(_ text: String) -> Self { Self(.temporary, 7, 0, text) }
  /// Our own certificate cannot be signed for, in these words.
  package static func unsigned(_ text: String) -> Self { Self(.temporary, 3, 0, text) }
  /// We are not known there, in these words.
  package static func authentication(_ text: String) -> Self { Self(.temporary, 7, 8, text) }
  /// Nobody could say who we are there.
  package static let noCredentials = authentication("Could not retrieve credentials")
  package static let noRoute = Self(.temporary, 4, 4, "No valid route to destination")
}
