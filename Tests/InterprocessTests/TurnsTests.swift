// SPDX-License-Identifier: ISC

import CLinux
import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Interprocess

@Suite("Long work in parts")
struct TurnsTests {
  /// Counts the parts of a work that ends when something has arrived.
  private final class Parts: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    static let most = 10_000
    var count = 0
    var hasArrived = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { hasArrived = true }

    func goOn(on loop: any EventLoop, _ finished: EventLoopPromise<Int>) {
      guard !hasArrived, count < Parts.most else { return finished.succeed(count) }
      count += 1
      loop.executeAfterReading { self.goOn(on: loop, finished) }
    }
  }

  @Test("a loop reads between two parts")
  func reading() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    var ends: [CInt] = [-1, -1]
    // pipe(2) fills two integers.
    let failure = unsafe pipe(&ends)
    try #require(failure == 0)
    let (input, output) = (ends[0], ends[1])
    defer { close(output) }
    let parts = NIOLoopBoundBox.makeBoxSendingValue(Parts(), eventLoop: loop)
    let channel = try await NIOPipeBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(parts.value)
        }
      }
      .takingOwnershipOfDescriptor(input: input).get()
    let count = try await loop.flatSubmit {
      // The array is read during the call only.
      _ = unsafe write(output, [7], 1)
      let finished = loop.makePromise(of: Int.self)
      parts.value.goOn(on: loop, finished)
      return finished.futureResult
    }.get()
    #expect(count < 100)
    try await channel.close().get()
  }
}
