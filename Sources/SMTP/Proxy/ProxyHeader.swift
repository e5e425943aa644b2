// SPDX-License-Identifier: ISC

package import Mail

/// What a proxy says of a connection that it forwards, before the connection's first byte: the header of
/// HAProxy's PROXY protocol, version 1 or 2.
package enum ProxyHeader: Hashable, Sendable {
  /// The client's address, and the one that it connected to. An IPv4 address that is mapped into IPv6 is
  /// what it was.
  case forwarded(source: IPAddress, destination: IPAddress)
  /// The proxy speaks for itself (LOCAL), or its client has no Internet address (UNKNOWN, a Unix socket):
  /// the addresses of the connection itself count.
  case own

  /// What a header may be; a value that is a maximum is itself allowed.
  package enum Limits {
    /// Bytes of version 1's line, its CRLF counted.
    package static let line = 107
    /// Bytes behind the first 16 of version 2: addresses and extensions.
    package static let payload = 16_384
  }

  /// Why what came is no header.
  package enum Fault: Error, Hashable, Sendable {
    /// It begins with something else.
    case absent
    /// Version 1's line does not end in time.
    case lineTooLong
    /// Version 1's line is not what it should be.
    case malformedLine
    /// Neither version 1 nor 2.
    case version(UInt8)
    /// Neither LOCAL nor PROXY.
    case command(UInt8)
    /// A family or transport that no mail comes by.
    case family(UInt8)
    /// The length is past `Limits.payload`.
    case tooLong(Int)
    /// The length leaves no room for the family's addresses.
    case tooShort(Int)
    /// An extension reaches past the header's end.
    case malformedExtension
    /// The header is not what its checksum was made of.
    case checksum
  }
}

extension ProxyHeader.Fault: CustomStringConvertible {
  /// For the log; nothing that the peer sent is in it but numbers.
  package var description: String {
    switch self {
    case .absent: "no PROXY header"
    case .lineTooLong: "PROXY line longer than \(ProxyHeader.Limits.line) bytes"
    case .malformedLine: "malformed PROXY line"
    case .version(let version): "PROXY header of version \(version)"
    case .command(let command): "PROXY header with command \(command)"
    case .family(let family): "PROXY header with family and transport \(family >> 4)/\(family & 15)"
    case .tooLong(let length): "PROXY header of \(length) bytes"
    case .tooShort(let length): "PROXY header of \(length) bytes, too few for its addresses"
    case .malformedExtension: "PROXY header with an extension past its end"
    case .checksum: "PROXY header that its checksum is not of"
    }
  }
}
