// SPDX-License-Identifier: ISC

import NIOCore
import NIOPosix

/// A name server for tests: answers over UDP on a port that the kernel chose, from a table.
final class LoopbackNameServer: Sendable {
  enum Answer: Sendable {
    /// Data of records of the asked type.
    case records([[UInt8]])
    case code(UInt8)
    case silence
  }

  struct Query: Hashable, Sendable {
    let name: String
    let type: UInt16
  }

  let port: UInt16
  private let channel: any Channel

  init(_ answers: [Query: Answer]) async throws {
    channel = try await DatagramBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(answers))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = UInt16(channel.localAddress?.port ?? 0)
  }

  func close() async throws { try await channel.close() }

  /// The wire form of a name.
  static func wire(_ name: String) -> [UInt8] {
    name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let answers: [Query: Answer]

    init(_ answers: [Query: Answer]) { self.answers = answers }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let datagram = Self.unwrapInboundIn(data)
      guard let reply = reply(to: Array(datagram.data.readableBytesView)) else { return }
      let envelope = AddressedEnvelope(
        remoteAddress: datagram.remoteAddress,
        data: ByteBuffer(bytes: reply)
      )
      context.writeAndFlush(Self.wrapOutboundOut(envelope), promise: nil)
    }

    private func reply(to query: [UInt8]) -> [UInt8]? {
      guard query.count > 12 else { return nil }
      var labels: [String] = []
      var position = 12
      while query[position] != 0 {
        let length = Int(query[position])
        labels.append(String(decoding: query[position + 1..<position + 1 + length], as: UTF8.self))
        position += length + 1
      }
      let type = UInt16(query[position + 1]) << 8 | UInt16(query[position + 2])
      let question = query[12..<position + 5]
      let name = labels.joined(separator: ".").lowercased()
      switch answers[Query(name: name, type: type)] ?? .records([]) {
      case .silence:
        return nil
      case .code(let code):
        return header(query, code, answers: 0) + question
      case .records(let records):
        var reply = header(query, 0, answers: records.count)
        reply += question
        for data in records {
          reply += [0xc0, 12, UInt8(type >> 8), UInt8(type & 255), 0, 1, 0, 0, 0, 60]
          reply += [UInt8(data.count >> 8), UInt8(data.count & 255)]
          reply += data
        }
        return reply
      }
    }

    /// A reply of a server that does recursion.
    private func header(_ query: [UInt8], _ code: UInt8, answers: Int) -> [UInt8] {
      [query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, UInt8(answers), 0, 0, 0, 0]
    }
  }
}
