// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix

/// The submission socket: SMTP with the programs of this host, whose users the kernel names.
extension FrontendService {
  func listenLocally(on descriptor: CInt) {
    guard submissionServer == nil else {
      _ = Descriptor(owning: descriptor)
      return
    }
    let me = NIOLoopBound(self, eventLoop: context.loop)
    ServerBootstrap(group: context.loop)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.maxMessagesPerRead, value: 16)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { channel in me.value.accepted(channel) }
      .withBoundSocket(descriptor)
      .assumeIsolated()
      .whenComplete { [self] result in
        switch result {
        case .success(let server): submissionServer = server
        case .failure(let error): context.log.warn("frontend: the submission socket: \(error)")
        }
      }
  }

  /// A connection whose user the kernel does not name is no session.
  private func accepted(_ channel: any Channel) -> EventLoopFuture<Void> {
    let me = NIOLoopBound(self, eventLoop: context.loop)
    return PeerCredentials.read(from: channel).flatMapThrowing { credentials in
      let service = me.value
      let submitter = service.submitters.connect(credentials.user)
      // Before it is a session: those have a limit of their own, which is everybody's.
      let handler: any ChannelHandler =
        submitter.isWelcome
        ? SessionHandler(
          service,
          service.projection.socket,
          channel,
          ConnectionEnds(channel),
          submitter: submitter
        )
        : RefusalHandler(LocalSubmitters.tooManyConnections)
      try channel.pipeline.syncOperations.addHandler(handler)
    }
  }
}

/// Says one reply to a connection, and ends it, whether the client reads or not.
private final class RefusalHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let reply: Reply

  init(_ reply: Reply) { self.reply = reply }

  func channelActive(context: ChannelHandlerContext) {
    var bytes: [UInt8] = []
    reply.append(to: &bytes)
    context.writeAndFlush(
      wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)),
      promise: nil
    )
    context.close(promise: nil)
  }
}
