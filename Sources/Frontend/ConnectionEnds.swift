// SPDX-License-Identifier: ISC

internal import Mail
internal import NIOCore
internal import SMTP

/// Between whom a connection is: what its session, the log and the rules take for the client's address.
struct ConnectionEnds {
  /// Of the session that it will be.
  let id = SessionID(UInt64.random(in: 1...UInt64.max))
  let source: SourceAddress
  /// The address that the client connected to; nil for a Unix socket.
  let local: IPAddress?

  private init(source: SourceAddress, local: IPAddress?) {
    self.source = source
    self.local = local
  }

  /// Those of the connection itself.
  init(_ channel: any Channel) {
    self.init(
      source: SourceAddress(channel.remoteAddress),
      local: IPAddress(channel.localAddress)
    )
  }

  /// Those that a proxy tells.
  init(_ header: ProxyHeader, over channel: any Channel) {
    switch header {
    case .own: self.init(channel)
    case .forwarded(let source, let destination):
      self.init(source: source.source, local: destination)
    }
  }
}
