// SPDX-License-Identifier: ISC

import NIOCore
import NIOEmbedded
import SMTP
import Testing

@testable import Delivery

@Suite("The driver of a relay session")
struct RelaySessionHandlerTests {
  /// Feeds `bytes`, one every 200 s, and returns how it closed.
  private func closing(behind bytes: [String]) throws -> ClientSession.CloseReason? {
    var closed: ClientSession.CloseReason?
    let handler = RelaySessionHandler(ClientSession(name: "client.example.org")) { event in
      if case .closed(let reason, _) = event { closed = reason }
    }
    let channel = EmbeddedChannel(handler: handler)
    channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 25), promise: nil)
    for text in bytes where closed == nil {
      channel.embeddedEventLoop.advanceTime(by: .seconds(200))
      guard closed == nil else { break }
      try channel.writeInbound(ByteBuffer(string: text))
    }
    return closed
  }

  @Test("a reply that comes byte by byte has the time of one reply")
  func slowReply() throws {
    let reason = try closing(behind: ["2", "2", "0", " "])
    #expect(reason == .timeout)
  }

  @Test("every whole reply starts the time anew")
  func slowReplies() throws {
    let reason = try closing(behind: ["220 mx\r\n", "250 mx\r\n", ""])
    #expect(reason == nil)
  }
}
