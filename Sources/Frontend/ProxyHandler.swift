// SPDX-License-Identifier: ISC

internal import NIOCore
internal import SMTP

/// Stands at the head of a proxied connection until its PROXY header is there.
///
/// Whoever made it puts the handlers of TLS and SMTP behind it once it says `header`; for them the
/// connection becomes active then. What came behind the header it keeps until they want to read, gives it to
/// them, and leaves. It closes a connection without a header, or whose header is late.
final class ProxyHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What became of waiting for the header; told once.
  enum Outcome: Hashable {
    /// The handlers behind are to be put in place within this call.
    case header(ProxyHeader)
    case refused(ProxyHeader.Fault)
    /// It was not whole in time.
    case late
    /// It was not whole when the place was needed.
    case displaced
    /// The connection ended before the first byte.
    case unused
    /// The connection ended within the header.
    case truncated
  }

  private enum State {
    case waiting
    /// The handlers behind are there, and have not asked for input yet; these bytes are theirs.
    case holding([UInt8])
    /// What comes passes.
    case open
    case ended
  }

  private let patience: TimeAmount
  private let finished: (Outcome) -> Void
  private var state = State.waiting
  private var reader = ProxyHeaderReader()
  private var hasInput = false
  private var deadline: Scheduled<Void>?

  /// - Parameter patience: for how long the header may be on its way.
  init(patience: TimeAmount, finished: @escaping (Outcome) -> Void) {
    self.patience = patience
    self.finished = finished
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in
      self?.giveUp(.late, channel)
    }
    context.read()
  }

  /// Waits no longer, and closes the connection.
  func giveUp(_ outcome: Outcome, _ channel: any Channel) {
    end(outcome)
    channel.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = Array(Self.unwrapInboundIn(data).readableBytesView)
    switch state {
    case .waiting: look(at: bytes, context)
    // One read of the socket may give several pieces.
    case .holding(let rest): state = .holding(rest + bytes)
    case .open: context.fireChannelRead(data)
    case .ended: break
    }
  }

  private func look(at bytes: [UInt8], _ context: ChannelHandlerContext) {
    hasInput = true
    switch reader.received(bytes) {
    case .needsMore: break
    case .header(let header, let rest):
      state = .holding(rest)
      deadline?.cancel()
      finished(.header(header))
      context.fireChannelActive()
    case .refused(let fault):
      end(.refused(fault))
      context.close(promise: nil)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    switch state {
    case .waiting: context.read()
    case .open: context.fireChannelReadComplete()
    case .holding, .ended: break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(hasInput ? .truncated : .unused)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard case .waiting = state else { return context.fireErrorCaught(error) }
    context.close(promise: nil)
  }

  /// Also of a channel that never became active.
  func handlerRemoved(context: ChannelHandlerContext) { end(.unused) }

  /// The handlers behind want input: what there is already comes first.
  func read(context: ChannelHandlerContext) {
    guard case .holding(let rest) = state else { return context.read() }
    if rest.isEmpty {
      state = .open
      context.read()
    }
    // Not within the call of those who read, which a socket would not do either.
    context.eventLoop.assumeIsolated().execute { [self] in deliver(context) }
  }

  private func deliver(_ context: ChannelHandlerContext) {
    if case .holding(let rest) = state {
      state = .open
      context.fireChannelRead(Self.wrapInboundOut(context.channel.allocator.buffer(bytes: rest)))
      context.fireChannelReadComplete()
    }
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  private func end(_ outcome: Outcome) {
    defer { state = .ended }
    deadline?.cancel()
    if case .waiting = state { finished(outcome) }
  }
}
