// SPDX-License-Identifier: ISC

import Mail
import NIOCore
import NIOEmbedded
import SMTP
import Testing

@testable import Frontend

@Suite("A proxied connection")
struct ProxyHandlerTests {
  /// What stands behind: notes what comes, and reads when the test says so.
  private final class Notes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var activations = 0
    var pieces: [String] = []

    func channelActive(context: ChannelHandlerContext) { activations += 1 }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      pieces.append(String(buffer: unwrapInboundIn(data)))
    }
  }

  private final class Rig {
    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    let notes = Notes()
    var outcomes: [ProxyHandler.Outcome] = []

    init() throws {
      channel = EmbeddedChannel(loop: loop)
      let handler = ProxyHandler(patience: .seconds(30)) { [unowned self] outcome in
        outcomes.append(outcome)
        guard case .header = outcome else { return }
        try? channel.pipeline.syncOperations.addHandler(notes)
      }
      try channel.pipeline.syncOperations.addHandler(handler)
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
    }

    func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    func read() {
      channel.read()
      loop.run()
    }

    var isProxyThere: Bool {
      (try? channel.pipeline.syncOperations.handler(type: ProxyHandler.self)) != nil
    }
  }

  private static let line = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n"
  private static let header = ProxyHeader.forwarded(
    source: .inet4(0xc000_0207),
    destination: .inet4(0xc633_6401)
  )

  @Test("what came with the header and behind it waits until it is wanted, and none of it is lost")
  func rest() throws {
    let rig = try Rig()
    try rig.send(ProxyHandlerTests.line + "EHLO x\r\n")
    #expect(rig.outcomes == [.header(ProxyHandlerTests.header)])
    #expect(rig.notes.activations == 1)
    // Of the same read of the socket.
    try rig.send("NOOP\r\n")
    rig.loop.run()
    #expect(rig.notes.pieces == [])
    rig.read()
    #expect(rig.notes.pieces == ["EHLO x\r\nNOOP\r\n"])
    #expect(!rig.isProxyThere)
    try rig.send("QUIT\r\n")
    #expect(rig.notes.pieces == ["EHLO x\r\nNOOP\r\n", "QUIT\r\n"])
  }

  @Test("a read that is wanted twice before it can be gives everything once")
  func twice() throws {
    let rig = try Rig()
    try rig.send(ProxyHandlerTests.line + "EHLO x\r\n")
    rig.channel.read()
    rig.channel.read()
    rig.loop.run()
    #expect(rig.notes.pieces == ["EHLO x\r\n"])
  }

  @Test("byte by byte, and with nothing behind it")
  func single() throws {
    let rig = try Rig()
    for character in ProxyHandlerTests.line.unicodeScalars {
      #expect(rig.outcomes.isEmpty)
      try rig.send(String(character))
    }
    #expect(rig.outcomes == [.header(ProxyHandlerTests.header)])
    rig.read()
    #expect(rig.notes.pieces == [])
    #expect(!rig.isProxyThere)
    try rig.send("EHLO x\r\n")
    #expect(rig.notes.pieces == ["EHLO x\r\n"])
  }

  @Test("bytes between the wish to read and its fulfilment keep their order")
  func between() throws {
    let rig = try Rig()
    try rig.send(ProxyHandlerTests.line + "1")
    rig.channel.read()
    try rig.send("2")
    rig.loop.run()
    try rig.send("3")
    #expect(rig.notes.pieces.joined() == "123")
  }

  @Test("no header: closed, and nobody behind it ever hears of it")
  func absent() throws {
    let rig = try Rig()
    try rig.send("EHLO x\r\n")
    #expect(rig.outcomes == [.refused(.absent)])
    #expect(!rig.channel.isActive)
    #expect(rig.notes.activations == 0)
  }

  @Test("a header that is late: closed")
  func late() throws {
    let rig = try Rig()
    try rig.send("PROXY ")
    rig.loop.advanceTime(by: .seconds(29))
    #expect(rig.outcomes.isEmpty)
    rig.loop.advanceTime(by: .seconds(1))
    #expect(rig.outcomes == [.late])
    #expect(!rig.channel.isActive)
  }

  @Test("time does not count behind the header")
  func timely() throws {
    let rig = try Rig()
    try rig.send(ProxyHandlerTests.line + "EHLO x\r\n")
    rig.loop.advanceTime(by: .seconds(31))
    #expect(rig.channel.isActive)
    rig.read()
    #expect(rig.notes.pieces == ["EHLO x\r\n"])
  }

  @Test("a connection that ends is told once: unused, within the header, or not at all behind it")
  func ended() throws {
    let unused = try Rig()
    unused.channel.close(promise: nil)
    #expect(unused.outcomes == [.unused])
    let truncated = try Rig()
    try truncated.send("PROX")
    truncated.channel.close(promise: nil)
    #expect(truncated.outcomes == [.truncated])
    let served = try Rig()
    try served.send(ProxyHandlerTests.line)
    served.channel.close(promise: nil)
    #expect(served.outcomes == [.header(ProxyHandlerTests.header)])
  }
}
