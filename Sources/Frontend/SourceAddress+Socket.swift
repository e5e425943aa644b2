// SPDX-License-Identifier: ISC

internal import Mail
internal import NIOCore

extension SourceAddress {
  /// The peer of a connection from the network, never `local`: a peer that is gone before its address
  /// could be asked has that of nobody. An IPv4 address that is mapped into IPv6 is what it was.
  init(_ address: SocketAddress?) {
    guard let text = address?.ipAddress, let parsed = IPAddress(parsing: text) else {
      self = .inet4(0)
      return
    }
    if case .inet6(0, let low) = parsed, low >> 32 == 0xffff {
      self = .inet4(UInt32(truncatingIfNeeded: low))
    } else {
      self = parsed.source
    }
  }
}
