// SPDX-License-Identifier: ISC

import Mail
import NIOCore
import NIOPosix
import TLS

/// Makes the channel of a relay session.
struct RelayConnector {
  let eventLoop: any EventLoop
  let timeout: Duration

  /// The handlers are in the pipeline before the first byte arrives, `tls` in front.
  func connect(
    _ route: RouteKey,
    tls: TLSHandler?,
    handler: RelaySessionHandler
  ) -> EventLoopFuture<any Channel> {
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(.milliseconds(timeout.wholeMilliseconds))
      .channelInitializer {
        [handler = NIOLoopBound((tls, handler), eventLoop: eventLoop)] channel in
        channel.eventLoop.makeCompletedFuture {
          let (tls, handler) = handler.value
          if let tls { try channel.pipeline.syncOperations.addHandler(tls) }
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
    switch route.endpoint {
    case .local(let path):
      return bootstrap.connect(unixDomainSocketPath: path)
    case .inet(let address, let port):
      do {
        let remote = try SocketAddress(ipAddress: address.description, port: Int(port))
        var connecting = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        if let source = route.source {
          connecting = connecting.bind(
            to: try SocketAddress(ipAddress: source.description, port: 0)
          )
        }
        return connecting.connect(to: remote)
      } catch {
        return eventLoop.makeFailedFuture(error)
      }
    }
  }
}
