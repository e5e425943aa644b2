// SPDX-License-Identifier: ISC

package import Mail

/// `resolver`: who is asked for names.
package enum ResolverSettings: Hashable, Sendable {
  /// The host's own resolvers and its hosts file.
  case system
  /// The servers of the zones themselves, from the root.
  case recursive
  /// These servers, each in turn.
  case servers([Server])

  /// A resolver's address.
  package struct Server: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16

    package init(address: IPAddress, port: UInt16 = 53) {
      self.address = address
      self.port = port
    }
  }
}
