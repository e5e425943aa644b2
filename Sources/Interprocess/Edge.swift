// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Glibc
internal import Mail
package import NIOCore
internal import NIOPosix

/// One end of an edge: a stream socket between two roles that carries length-prefixed frames.
///
/// Lives on one event loop. What is sent during one turn of the loop leaves in one write, and what
/// arrives in one read is handed over message by message: batching costs no latency and saves most
/// of the system calls. An edge never stops reading; whatever bulk flows over it has its own credits.
///
/// The first frame each way is a hello with the build's identity; another build is refused.
package final class Edge<Outgoing: EdgeMessage, Incoming: EdgeMessage> {
  /// Why an edge ended.
  package enum Ending: Sendable {
    /// The other role closed it or died.
    case closed
    /// What came was no frame of this edge.
    case violated(String)
  }

  package let peer: Role
  private let loop: any EventLoop
  private let receive: (Incoming) -> Void
  private let ended: (Ending) -> Void
  private var channel: (any Channel)?
  private var outgoing = ByteWriter(reserving: 4096)
  /// Something in `outgoing` is to be overwritten behind its use.
  private var hasSecrets = false
  private var isFlushScheduled = false
  private var isOver = false

  /// Takes over a connected descriptor, whatever the outcome. Called on the loop.
  ///
  /// - Parameters:
  ///   - receive: told each message, in order, on the loop.
  ///   - ended: told once, after the last message; not after `close`.
  package init(
    descriptor: CInt,
    peer: Role,
    on loop: any EventLoop,
    receive: @escaping (Incoming) -> Void,
    ended: @escaping (Ending) -> Void
  ) {
    loop.preconditionInEventLoop()
    self.peer = peer
    self.loop = loop
    self.receive = receive
    self.ended = ended
    writeHello()
    let box = NIOLoopBound(self, eventLoop: loop)
    ClientBootstrap(group: loop)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 128 << 10))
      .channelOption(.maxMessagesPerRead, value: 4)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(EdgeHandler(edge: box.value))
        }
      }
      .withConnectedSocket(descriptor)
      .assumeIsolated()
      .whenComplete { result in
        switch result {
        case .success(let channel): box.value.connected(channel)
        case .failure(let error): box.value.finish(.violated("\(error)"))
        }
      }
  }

  /// Sends one message; it leaves with all others of this turn of the loop.
  ///
  /// One that is no frame, which only a record of extreme size can make, ends the edge in the next turn.
  package func send(_ message: Outgoing) {
    guard !isOver else { return }
    let start = outgoing.count
    outgoing.write(UInt32(0))
    message.encode(into: &outgoing)
    if message.isSecret { hasSecrets = true }
    let length = outgoing.count - start - 4
    outgoing.overwrite(at: start, with: UInt32(clamping: length))
    guard length <= EdgeLimits.frame else {
      outgoing = ByteWriter(reserving: 0)
      let box = NIOLoopBound(self, eventLoop: loop)
      loop.execute { box.value.finish(.violated("a frame of ours of \(length) bytes")) }
      return
    }
    scheduleFlush()
  }

  /// Ends the edge from this side; `ended` is not told.
  package func close() {
    isOver = true
    channel?.close(promise: nil)
  }

  private func writeHello() {
    outgoing.write(UInt32(EdgeHello.bytes.count))
    outgoing.append(EdgeHello.bytes)
  }

  private func connected(_ channel: any Channel) {
    self.channel = channel
    if isOver {
      channel.close(promise: nil)
    } else {
      scheduleFlush()
    }
  }

  private func scheduleFlush() {
    guard !isFlushScheduled, channel != nil else { return }
    isFlushScheduled = true
    let box = NIOLoopBound(self, eventLoop: loop)
    loop.execute { box.value.flush() }
  }

  private func flush() {
    isFlushScheduled = false
    guard let channel, outgoing.count > 0 else { return }
    var frames = exchange(&outgoing, with: ByteWriter(reserving: 4096)).finish()
    let buffer = channel.allocator.buffer(bytes: frames)
    guard exchange(&hasSecrets, with: false) else {
      return channel.writeAndFlush(buffer, promise: nil)
    }
    Secret.wipe(&frames)
    var written = buffer
    channel.writeAndFlush(consume buffer).assumeIsolated().whenComplete { _ in
      written.setRepeatingByte(0, count: written.writerIndex, at: 0)
    }
  }

  /// Returns whether it was a secret message.
  fileprivate func received(_ frame: [UInt8]) throws(DecodingError) -> Bool {
    // Whoever closed it hears no more of it, whatever the last read brought.
    guard !isOver else { return false }
    var reader = ByteReader(frame)
    let message = try Incoming(decoding: &reader)
    try reader.expectEnd()
    receive(message)
    return message.isSecret
  }

  fileprivate func finish(_ ending: Ending) {
    guard !isOver else { return }
    isOver = true
    channel?.close(promise: nil)
    ended(ending)
  }
}

/// What both ends say first.
enum EdgeHello {
  /// Changes whenever any layout of any edge changes.
  static let bytes = Array("talaria-edge-1 \(TalariaVersion.text)".utf8)
}

/// Cuts the stream into frames.
private final class EdgeHandler<Outgoing: EdgeMessage, Incoming: EdgeMessage>:
  ChannelInboundHandler
{
  typealias InboundIn = ByteBuffer

  private let edge: Edge<Outgoing, Incoming>
  private var pending = ByteBuffer()
  private var isGreeted = false

  init(edge: Edge<Outgoing, Incoming>) {
    self.edge = edge
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var arrived = unwrapInboundIn(data)
    if pending.readableBytes == 0 {
      pending = arrived
    } else {
      pending.writeBuffer(&arrived)
    }
    do {
      while var frame = try nextFrame() {
        if try handle(frame) { Secret.wipe(&frame) }
      }
    } catch {
      edge.finish(.violated("\(error)"))
    }
    if pending.readableBytes == 0 {
      pending = ByteBuffer()
    } else if pending.readerIndex > EdgeLimits.bodyWindow {
      // Else a stream that never ends at the end of a frame would be kept for ever.
      pending.discardReadBytes()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    edge.finish(.closed)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A reset socket is an ended role; `channelInactive` follows. Another error says nothing about the peer.
    if let code = (error as? IOError)?.errnoCode, ![ECONNRESET, EPIPE].contains(code) {
      edge.finish(.violated("\(error)"))
    }
    context.close(promise: nil)
  }

  private func nextFrame() throws(DecodingError) -> [UInt8]? {
    guard
      let length = pending.getInteger(
        at: pending.readerIndex,
        endianness: .little,
        as: UInt32.self
      )
    else { return nil }
    guard length <= UInt32(EdgeLimits.frame) else {
      throw .tooLong(field: "frame", length: Int(length))
    }
    guard pending.readableBytes >= 4 + Int(length) else { return nil }
    pending.moveReaderIndex(forwardBy: 4)
    return pending.readBytes(length: Int(length))
  }

  private func handle(_ frame: [UInt8]) throws(DecodingError) -> Bool {
    if isGreeted {
      return try edge.received(frame)
    } else {
      guard frame == EdgeHello.bytes else { throw .invalid(field: "hello of another build") }
      isGreeted = true
      return false
    }
  }
}
