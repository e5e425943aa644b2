// SPDX-License-Identifier: ISC

import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite("A channel under TLS")
struct TLSHandlerTests {
  /// Notes what comes out of the pipeline.
  private final class Notes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var text = ""
    var facts: [TLSSession.Facts] = []
    var failures: [TLSFailure] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .established(let facts)? = event as? TLSEvent { self.facts.append(facts) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      if let failure = error as? TLSFailure { failures.append(failure) }
    }
  }

  /// A server's channel and a client's session, and the signatures that wait.
  private final class Rig {
    let channel = EmbeddedChannel()
    let notes = Notes()
    let client: TLSSession
    let certificate: TestCertificate
    var waiting: [(SigningRequest, ([UInt8]?) -> Void)] = []

    init() throws {
      certificate = try TestCertificate.shared.get()
      let contexts = try SessionPair.contexts(certificate)
      client = try TLSSession(
        connecting: contexts.client,
        serverName: TestCertificate.name,
        verifyName: TestCertificate.name
      )
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 25)).wait()
      let handler = TLSHandler(try TLSSession(accepting: contexts.server), patience: .seconds(60)) {
        [unowned self] request, _, answer in waiting.append((request, answer))
      }
      try channel.pipeline.syncOperations.addHandlers([handler, notes])
    }

    func carry() throws {
      for _ in 0..<4 {
        _ = client.step()
        if let bytes = client.drain(ByteBufferAllocator()) { try channel.writeInbound(bytes) }
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { client.feed(bytes) }
      }
    }

    func sign() {
      let now = waiting
      waiting = []
      for (request, answer) in now { answer(certificate.key.sign(request)) }
    }
  }

  @Test("what is written before the handshake's end waits for it, and is encrypted")
  func writes() throws {
    let rig = try Rig()
    rig.channel.writeAndFlush(ByteBuffer(string: "220 hello\r\n"), promise: nil)
    try rig.carry()
    #expect(rig.notes.facts.isEmpty)
    #expect(rig.waiting.count == 1)
    rig.sign()
    try rig.carry()
    #expect(rig.notes.facts.count == 1)
    var heard = ByteBuffer()
    _ = rig.client.read(into: &heard)
    #expect(String(buffer: heard) == "220 hello\r\n")
    try rig.client.write(ByteBuffer(string: "QUIT\r\n"))
    try rig.carry()
    #expect(rig.notes.text == "QUIT\r\n")
  }

  @Test("garbage ends the channel with a failure of the handshake, and is delivered to nobody")
  func garbage() throws {
    let rig = try Rig()
    try rig.channel.writeInbound(ByteBuffer(string: "MAIL FROM:<a@example.org>\r\n"))
    #expect(rig.notes.failures.count == 1)
    #expect(rig.notes.text == "")
    #expect(!rig.channel.isActive)
  }

  @Test("a handshake has its time, signatures included")
  func patience() throws {
    let rig = try Rig()
    try rig.carry()
    #expect(rig.waiting.count == 1)
    rig.channel.embeddedEventLoop.advanceTime(by: .seconds(59))
    #expect(rig.channel.isActive)
    rig.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
    #expect(rig.notes.failures == [.signature("keys did not sign: timed out")])
    #expect(!rig.channel.isActive)
    // An answer that comes too late is nobody's.
    rig.sign()
  }

  @Test("a peer that says nothing is a failure of the handshake")
  func silence() throws {
    let rig = try Rig()
    rig.channel.embeddedEventLoop.advanceTime(by: .seconds(61))
    #expect(rig.notes.failures == [.handshake("timed out")])
  }

  @Test("a peer that goes in the middle of the handshake is a failure of the handshake")
  func gone() throws {
    let rig = try Rig()
    rig.channel.pipeline.fireChannelInactive()
    #expect(rig.notes.failures == [.handshake("the peer closed the connection")])
  }

  @Test("one that goes while it waits for our signature did nothing wrong")
  func impatient() throws {
    let rig = try Rig()
    try rig.carry()
    rig.channel.pipeline.fireChannelInactive()
    #expect(
      rig.notes.failures == [.signature("keys did not sign: the peer closed the connection")]
    )
  }

  @Test("a signature that is refused is no failure of the peer's")
  func refused() throws {
    let rig = try Rig()
    try rig.carry()
    #expect(rig.waiting.count == 1)
    rig.waiting.removeFirst().1(nil)
    #expect(rig.notes.failures == [.signature("keys refused to sign")])
    #expect(!rig.channel.isActive)
  }

  @Test("behind the handshake a broken record ends the channel")
  func brokenRecord() throws {
    let rig = try Rig()
    try rig.carry()
    rig.sign()
    try rig.carry()
    try rig.channel.writeInbound(ByteBuffer(string: "RSET\r\n"))
    guard case .record? = rig.notes.failures.first else {
      Issue.record("\(rig.notes.failures)")
      return
    }
    #expect(rig.notes.text == "")
  }
}
