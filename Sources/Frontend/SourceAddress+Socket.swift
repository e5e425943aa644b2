// SPDX-License-Identifier: ISC

internal import Mail
internal import NIOCore

extension SourceAddress {
  /// The peer of a connection from the network, never `local`: a peer that is gone before its address
  /// could be asked has that of nobody. An IPv4 address that is mapped into IPv6 is what it was.
  init(_ address: SocketAddress?) {
    guard let parsed = IPAddress(address) else {
      self = .inet4(0)
      return
    }
    self = parsed.source
  }
}

extension IPAddress {
  /// The address of one end of a connection; nil for a Unix socket. Mapped addresses as above.
  init?(_ address: SocketAddress?) {
    guard let text = address?.ipAddress, let parsed = IPAddress(parsing: text) else { return nil }
    self = parsed.unmapped
  }
}
