// SPDX-License-Identifier: ISC

internal import ControlProtocol
internal import Mail
internal import NIOCore

/// One connection to the administration socket: frames in, frames out. What it cannot read ends this
/// connection and nothing else.
final class ControlClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum State {
    /// Only a hello may come.
    case greeting
    case ready
    /// Nothing that still comes counts.
    case over
  }

  let id: RequestTable.ClientID
  private let server: ControlServer
  private var decoder = ControlFrameDecoder()
  private var state = State.greeting
  private var context: ChannelHandlerContext?
  /// What is said once the channel is active: before, nothing that is written leaves.
  private var refusal: String?

  init(id: RequestTable.ClientID, server: ControlServer) {
    self.id = id
    self.server = server
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    if let refusal { refuse(refusal) }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    state = .over
    server.gone(id)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    close()
  }

  /// A client that does not read is not read: its credits wait with it.
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    _ = context.channel.setOption(ChannelOptions.autoRead, value: context.channel.isWritable)
    context.fireChannelWritabilityChanged()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard state != .over else { return }
    decoder.append(unwrapInboundIn(data).readableBytesView)
    do throws(DecodingError) {
      while state != .over, let frame = try decoder.next() { received(frame) }
    } catch {
      drop("a broken frame: \(error)")
    }
  }

  private func received(_ frame: ControlFrame) {
    switch (state, frame) {
    case (.greeting, .hello(let hello)):
      write(.hello(ControlHello(build: server.build)))
      if hello.isCompatible { state = .ready } else { close() }
    case (.ready, .request(let id, let content)):
      do throws(DecodingError) {
        server.received(try ControlRequest(decoding: content), id: id, from: self.id)
      } catch {
        drop("a broken request: \(error)")
      }
    case (.greeting, _), (.ready, _): drop("a frame out of turn")
    case (.over, _): break
    }
  }

  func respond(id: UInt32, content: [UInt8]) {
    guard state == .ready else { return }
    write(.response(id: id, content: content))
  }

  /// Says why, under the identifier that no request has, and ends the connection.
  func refuse(_ reason: String) {
    state = .over
    guard context?.channel.isActive == true else {
      refusal = reason
      return
    }
    write(.response(id: 0, content: ControlResponse.failure(reason).encoded()))
    close()
  }

  func drop(_ reason: String) {
    server.log("control: client \(id) dropped: \(reason)")
    close()
  }

  private func close() {
    state = .over
    context?.close(promise: nil)
  }

  private func write(_ frame: ControlFrame) {
    guard let context else { return }
    let buffer = context.channel.allocator.buffer(bytes: frame.encoded())
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
  }
}
