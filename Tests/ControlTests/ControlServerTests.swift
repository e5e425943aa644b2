// SPDX-License-Identifier: ISC

import ControlProtocol
import NIOCore
import NIOEmbedded
import Testing

@testable import Control

@Suite("The administration socket's server")
struct ControlServerTests {
  /// A server, its roles and one client, in memory.
  final class House: ControlBackend {
    let loop = EmbeddedEventLoop()
    var sent: [(ControlRequest, UInt32, ControlTarget)] = []
    private var decoders: [ObjectIdentifier: ControlFrameDecoder] = [:]
    private(set) lazy var server = ControlServer(
      build: "smtpd test",
      allowed: [0, 1000],
      backend: self,
      limits: limits,
      statistics: { [Statistic("uptime", 5)] },
      log: { _ in },
      on: loop
    )
    let limits: ControlServerLimits

    init(limits: ControlServerLimits = ControlServerLimits()) {
      self.limits = limits
      for target in ControlTarget.allCases { server.connected(target) }
    }

    func send(_ request: ControlRequest, id: UInt32, to target: ControlTarget) {
      sent.append((request, id, target))
    }

    func client(user: UInt32 = 1000) throws -> EmbeddedChannel {
      let channel = EmbeddedChannel(loop: loop)
      // As with a socket: nothing that is written before it is active leaves.
      try server.admit(channel, user: user)
      let waiting = try channel.readOutbound(as: ByteBuffer.self)
      #expect(waiting == nil)
      try channel.connect(to: SocketAddress(unixDomainSocketPath: "/x")).wait()
      return channel
    }

    func say(_ bytes: [UInt8], _ channel: EmbeddedChannel) throws {
      try channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    func say(_ frame: ControlFrame, _ channel: EmbeddedChannel) throws {
      try say(frame.encoded(), channel)
    }

    func frames(_ channel: EmbeddedChannel) throws -> [ControlFrame] {
      var decoder = ControlFrameDecoder()
      var frames: [ControlFrame] = []
      while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
        decoder.append(buffer.readableBytesView)
        while let frame = try decoder.next() { frames.append(frame) }
      }
      return frames
    }
  }

  static let hello = ControlFrame.hello(ControlHello(build: "test"))

  @Test("A request goes to its role and the answer to its client")
  func roundTrip() throws {
    let house = House()
    let client = try house.client()
    try house.say(ControlServerTests.hello, client)
    let request = ControlRequest.remove(.all, .dryRun)
    try house.say(.request(id: 3, content: request.encoded()), client)
    #expect(house.sent.map(\.0) == [request])
    let content = ControlResponse.count(4).encoded()
    house.server.received(response: content, id: house.sent[0].1, from: .queue)
    #expect(
      try house.frames(client) == [
        .hello(ControlHello(build: "smtpd test")), .response(id: 3, content: content),
      ]
    )
    #expect(client.isActive)
  }

  @Test(
    "Garbage ends its own connection and no other",
    arguments: [
      [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], Array("EHLO x\r\n".utf8),
      ControlFrame.request(id: 1, content: [4]).encoded(),
      ControlFrame.response(id: 1, content: []).encoded(),
      hello.encoded() + hello.encoded(),
      hello.encoded() + ControlFrame.request(id: 1, content: [200]).encoded(),
      hello.encoded() + ControlFrame.request(id: 0, content: [4]).encoded(),
    ] as [[UInt8]]
  )
  func garbage(_ bytes: [UInt8]) throws {
    let house = House()
    let good = try house.client()
    try house.say(ControlServerTests.hello, good)
    let bad = try house.client()
    try house.say(bytes, bad)
    house.loop.run()
    #expect(!bad.isActive)
    #expect(good.isActive)
    try house.say(.request(id: 1, content: ControlRequest.showStatus.encoded()), good)
    #expect(house.sent.map(\.0) == [.showStatus])
  }

  @Test("A hello of another version is answered and the connection ended")
  func incompatible() throws {
    let house = House()
    let client = try house.client()
    try house.say(.hello(ControlHello(version: 99, build: "later")), client)
    #expect(try house.frames(client).count == 1)
    #expect(!client.isActive)
  }

  @Test("Users who may not ask are told so")
  func foreignUser() throws {
    let house = House()
    let client = try house.client(user: 7)
    let text = ControlResponse.failure("need root privileges").encoded()
    #expect(try house.frames(client) == [.response(id: 0, content: text)])
    #expect(!client.isActive)
  }

  @Test("Clients are bounded, in all and for each user, and a place becomes free again")
  func clientLimits() throws {
    var limits = ControlServerLimits()
    limits.clients = 3
    limits.clientsPerUser = 2
    let house = House(limits: limits)
    let first = try house.client()
    #expect(try house.client().isActive)
    #expect(try !house.client().isActive)
    #expect(try house.client(user: 0).isActive)
    #expect(try !house.client(user: 0).isActive)
    first.close(promise: nil)
    house.loop.run()
    #expect(try house.client().isActive)
  }

  @Test("A client that vanishes cancels its requests")
  func vanishing() throws {
    let house = House()
    let client = try house.client()
    try house.say(ControlServerTests.hello, client)
    try house.say(
      .request(id: 1, content: ControlRequest.showQueue(.all).encoded()),
      client
    )
    client.close(promise: nil)
    house.loop.run()
    #expect(house.sent.map(\.0) == [.showQueue(.all), .cancel])
  }
}
