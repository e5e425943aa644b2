// SPDX-License-Identifier: ISC

package import NIOCore

/// Puts a channel under TLS: the handshake first, then all that is read and written.
///
/// What is written before the handshake is over waits for its end; what is read meanwhile is the
/// handshake's. While a signature is made elsewhere the event loop goes on. A handshake that fails or takes
/// too long ends the channel with `TLSFailure`; nothing of a failed one was ever delivered.
package final class TLSHandler: ChannelDuplexHandler {
  /// Records.
  package typealias InboundIn = ByteBuffer
  /// What the peer said.
  package typealias InboundOut = ByteBuffer
  /// What is said to the peer.
  package typealias OutboundIn = ByteBuffer
  /// Records.
  package typealias OutboundOut = ByteBuffer

  /// Makes a signature elsewhere, unless it is not wanted any more by then, and calls back on the channel's
  /// event loop; nil when there will be none.
  package typealias Signer = (
    _ request: SigningRequest, _ isWanted: @escaping () -> Bool,
    _ answer: @escaping ([UInt8]?) -> Void
  ) -> Void

  /// How far the connection is.
  private enum State: Equatable {
    case idle
    case handshaking
    /// The same, and a signature is asked for.
    case signing
    case established
    case ended
  }

  private var session: TLSSession?
  private let signer: Signer
  private let patience: TimeAmount
  private var state = State.idle
  private var context: ChannelHandlerContext?
  private var deadline: Scheduled<Void>?
  private var waiting: [(ByteBuffer, EventLoopPromise<Void>?)] = []
  private var wantsRead = false
  /// The signature was refused: whatever becomes of the handshake is our fault.
  private var isUnsigned = false

  /// - Parameter patience: for how long the handshake may take, signatures included.
  package init(_ session: TLSSession, patience: TimeAmount, signer: @escaping Signer) {
    self.session = session
    self.patience = patience
    self.signer = signer
  }

  /// Whether the peer is shown a ticket of an earlier session.
  package var offersTicket: Bool { session?.offersTicket == true }

  // MARK: Channel

  /// Begins the handshake when the channel is active.
  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin() }
  }

  /// Ends what there is.
  package func handlerRemoved(context: ChannelHandlerContext) {
    over()
    self.context = nil
  }

  /// Begins the handshake.
  package func channelActive(context: ChannelHandlerContext) {
    begin()
    context.fireChannelActive()
  }

  /// Takes records.
  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    session?.feed(Self.unwrapInboundIn(data))
    switch state {
    case .idle, .signing, .ended: break
    case .handshaking: advance()
    case .established: deliver()
    }
  }

  /// Reads on while the handshake is under way.
  package func channelReadComplete(context: ChannelHandlerContext) {
    switch state {
    case .handshaking: context.read()
    case .established: context.fireChannelReadComplete()
    case .idle, .signing, .ended: break
    }
  }

  /// A handshake that was under way failed.
  package func channelInactive(context: ChannelHandlerContext) {
    if state == .handshaking || state == .signing {
      failHandshake("the peer closed the connection")
    }
    over()
    context.fireChannelInactive()
  }

  /// Put off until the handshake is over.
  package func read(context: ChannelHandlerContext) {
    switch state {
    case .established, .ended: context.read()
    case .idle, .handshaking, .signing: wantsRead = true
    }
  }

  /// Put off until the handshake is over.
  package func write(
    context: ChannelHandlerContext,
    data: NIOAny,
    promise: EventLoopPromise<Void>?
  ) {
    let buffer = Self.unwrapOutboundIn(data)
    switch state {
    case .idle, .handshaking, .signing: waiting.append((buffer, promise))
    case .established: encrypt(buffer, promise)
    case .ended: promise?.fail(ChannelError.ioOnClosedChannel)
    }
  }

  /// What was put off is flushed when it leaves.
  package func flush(context: ChannelHandlerContext) {
    if state == .established || state == .ended { context.flush() }
  }

  /// Says so to the peer, then closes.
  package func close(
    context: ChannelHandlerContext,
    mode: CloseMode,
    promise: EventLoopPromise<Void>?
  ) {
    if state == .established, mode != .input {
      session?.close()
      send()
    }
    over()
    context.close(mode: mode, promise: promise)
  }

  // MARK: Handshake

  private func begin() {
    guard state == .idle, let context else { return }
    state = .handshaking
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in
      self?.failHandshake("timed out")
    }
    advance()
    if state == .handshaking { context.read() }
  }

  private func advance() {
    guard state == .handshaking, let session else { return }
    let step = session.step()
    send()
    switch step {
    case .needsInput: break
    case .failed(let error): failHandshake(error.reason)
    case .established: establish(session.facts)
    case .needsSignature(let request):
      state = .signing
      signer(request) { [weak self] in
        self?.state == .signing
      } _: { [weak self] signature in
        self?.signed(signature)
      }
    }
  }

  private func signed(_ signature: [UInt8]?) {
    guard state == .signing, let session else { return }
    state = .handshaking
    isUnsigned = signature == nil
    session.signed(signature)
    advance()
    if state == .handshaking { context?.read() }
  }

  private func establish(_ facts: TLSSession.Facts) {
    state = .established
    deadline?.cancel()
    guard let context else { return }
    context.fireUserInboundEventTriggered(TLSEvent.established(facts))
    let held = waiting
    waiting = []
    for (buffer, promise) in held { encrypt(buffer, promise) }
    if !held.isEmpty { context.flush() }
    // The peer may have said something in the same breath.
    deliver()
    if wantsRead, state == .established {
      wantsRead = false
      context.read()
    }
  }

  // MARK: Bytes

  private func deliver() {
    guard state == .established, let context, let session else { return }
    var buffer = context.channel.allocator.buffer(capacity: 0)
    let end = session.read(into: &buffer)
    if buffer.readableBytes > 0 {
      context.fireChannelRead(Self.wrapInboundOut(buffer))
      // A password may be in it; who took it has wiped its own.
      buffer.setRepeatingByte(0, count: buffer.writerIndex, at: 0)
    }
    send()
    switch end {
    case .more: break
    case .closed: context.channel.close(promise: nil)
    case .failed(let error): fail(TLSFailure.record(error.reason))
    }
  }

  private func encrypt(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
    guard let context, let session else { return }
    do throws(TLSError) {
      try session.write(buffer)
    } catch {
      promise?.fail(error)
      return fail(TLSFailure.record(error.reason))
    }
    let bytes = session.drain(context.channel.allocator) ?? ByteBuffer()
    context.write(Self.wrapOutboundOut(bytes), promise: promise)
  }

  private func send() {
    guard let context, let bytes = session?.drain(context.channel.allocator) else { return }
    context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
  }

  private func failHandshake(_ reason: String) {
    switch (state, isUnsigned) {
    case (_, true): fail(TLSFailure.signature("keys refused to sign"))
    case (.signing, false): fail(TLSFailure.signature("keys did not sign: \(reason)"))
    default: fail(TLSFailure.handshake(reason))
    }
  }

  private func fail(_ failure: TLSFailure) {
    guard state != .ended, let context else { return }
    if state == .handshaking || state == .signing { session?.abandoned() }
    over()
    context.fireErrorCaught(failure)
    context.close(promise: nil)
  }

  private func over() {
    state = .ended
    deadline?.cancel()
    deadline = nil
    let held = waiting
    waiting = []
    for (_, promise) in held { promise?.fail(ChannelError.ioOnClosedChannel) }
    session = nil
  }
}

/// What `TLSHandler` tells the handlers behind it.
package enum TLSEvent: Hashable, Sendable {
  /// The handshake is over; told before the first byte.
  case established(TLSSession.Facts)
}

/// Why `TLSHandler` ended a channel.
package enum TLSFailure: Error, Hashable, Sendable {
  case handshake(String)
  /// The handshake, for want of our own signature: the peer did nothing wrong.
  case signature(String)
  /// Behind the handshake: something that is no record of this session.
  case record(String)
}
