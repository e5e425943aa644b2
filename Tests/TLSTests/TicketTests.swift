// SPDX-License-Identifier: ISC

import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite("What spares a client the second handshake")
struct TicketTests {
  private static let peer = TLSPeer(name: TestCertificate.name, endpoint: "192.0.2.1:25")

  /// A client that shows what it was given.
  private static func client(_ context: TLSContext) throws -> TLSSession {
    try TLSSession(
      connecting: context,
      serverName: peer.name,
      verifyName: peer.name,
      peer: peer
    )
  }

  /// One session, to its end. Returns what the client knows, and how often the server had to sign.
  private static func meet(
    _ contexts: (server: TLSContext, client: TLSContext),
    _ certificate: TestCertificate,
    name: String = TestCertificate.name,
    peer: TLSPeer? = peer
  ) throws -> (facts: TLSSession.Facts, signatures: Int)? {
    var pair = try SessionPair(contexts.server, contexts.client, name: name, peer: peer)
    var steps = pair.carry()
    if case .needsSignature(let request) = steps.server {
      pair.server.signed(certificate.key.sign(request))
      steps = pair.carry()
    }
    guard steps.client == .established, steps.server == .established else { return nil }
    try pair.server.write(ByteBuffer(string: "220 hello\r\n"))
    SessionPair.move(from: pair.server, to: pair.client)
    var heard = ByteBuffer()
    _ = pair.client.read(into: &heard)
    #expect(String(buffer: heard) == "220 hello\r\n")
    return (pair.client.facts, pair.asked.count)
  }

  @Test(
    "the second session with a peer needs no signature, and knows what the first one found",
    arguments: [TLSProtocols.version12, .version13]
  )
  func resumption(protocols: TLSProtocols) throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate, protocols)
    let first = try #require(try Self.meet(contexts, certificate))
    #expect((first.facts.isResumed, first.signatures) == (false, 1))
    for _ in 0..<3 {
      let again = try #require(try Self.meet(contexts, certificate))
      #expect((again.facts.isResumed, again.signatures) == (true, 0))
      #expect(again.facts.peer == .valid)
      #expect(again.facts.fingerprint == first.facts.fingerprint)
    }
    #expect(contexts.client.tickets.count == 1)
  }

  @Test("other names, other endpoints, and those who are not named get a whole handshake")
  func others() throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate)
    _ = try Self.meet(contexts, certificate)
    for peer in [
      TLSPeer(name: "other.example.org", endpoint: Self.peer.endpoint),
      TLSPeer(name: Self.peer.name, endpoint: "192.0.2.2:25"),
      TLSPeer(name: Self.peer.name, endpoint: Self.peer.endpoint, identity: "another"), nil,
    ] {
      let met = try #require(try Self.meet(contexts, certificate, peer: peer))
      #expect((met.facts.isResumed, met.signatures) == (false, 1))
    }
  }

  @Test("a session that verified nothing spares nothing where a certificate has to be valid")
  func verification() throws {
    let certificate = try TestCertificate.shared.get()
    let strict = try SessionPair.contexts(certificate, trusted: false)
    let lax = try TLSContext(TLSContext.Options(.client))
    for _ in 0..<2 {
      let met = try #require(try Self.meet((strict.server, lax), certificate))
      #expect(met.facts.peer != .valid)
    }
    #expect(lax.tickets.count == 1)
    #expect(try Self.meet(strict, certificate) == nil)
    #expect(strict.client.tickets.count == 0)
  }

  @Test(
    "a listener takes no ticket of another, whose ciphers, versions or certificate are not its own",
    arguments: [TLSProtocols.version12, .version13]
  )
  func listeners(protocols: TLSProtocols) throws {
    let certificate = try TestCertificate.shared.get()
    func server(_ change: (inout TLSContext.Options) -> Void = { _ in }) throws -> TLSContext {
      var options = TLSContext.Options(.server)
      options.protocols = protocols
      change(&options)
      let server = try TLSContext(options)
      try server.use(chain: certificate.pem)
      return server
    }
    let others = try [
      server { $0.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305" },
      server { $0.protocols = .usual },
      server { $0.certificateName = "another" },
      server { $0.exchange = .offered },
    ]
    for (index, other) in others.enumerated() {
      let client = try TLSContext(TLSContext.Options(.client))
      _ = try Self.meet((server(), client), certificate)
      // As after a restart, or in another frontend.
      #expect(try Self.meet((server(), client), certificate)?.facts.isResumed == true)
      let met = try #require(try Self.meet((other, client), certificate))
      #expect((met.facts.isResumed, met.signatures) == (false, 1), "\(index)")
      #expect(try Self.meet((other, client), certificate)?.facts.isResumed == true)
    }
  }

  @Test(
    "a ticket is good for the server name for which it was given, also where both have one certificate",
    arguments: [TLSProtocols.version12, .version13]
  )
  func serverNames(protocols: TLSProtocols) throws {
    let certificate = try TestCertificate.shared.get()
    var options = TLSContext.Options(.server)
    options.protocols = protocols
    options.certificateName = "a.example"
    let server = try TLSContext(options)
    try server.use(chain: certificate.pem)
    options.certificateName = "b.example"
    let other = try TLSContext(options)
    try other.use(chain: certificate.pem)
    server.add(server, for: "a.example")
    server.add(other, for: "b.example")
    let names = ["a.example", "b.example", "unknown.example", "unknown2.example"]
    for first in names {
      for second in names {
        let client = try TLSContext(TLSContext.Options(.client))
        _ = try Self.meet((server, client), certificate, name: first)
        let met = try #require(try Self.meet((server, client), certificate, name: second))
        #expect(met.facts.isResumed == (first == second), "\(first), \(second)")
        let again = try #require(
          try Self.meet((server, client), certificate, name: second.uppercased())
        )
        #expect(again.facts.isResumed, "\(first), \(second)")
      }
    }
  }

  @Test("a ticket of TLS 1.3 is shown once, though two sessions begin at a time")
  func once() throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate, .version13)
    _ = try Self.meet(contexts, certificate)
    var one = try SessionPair(contexts.server, contexts.client, peer: Self.peer)
    var other = try SessionPair(contexts.server, contexts.client, peer: Self.peer)
    #expect(one.carry().client == .established)
    guard case .needsSignature = other.carry().server else {
      Issue.record("no signature was asked for")
      return
    }
    #expect(one.client.facts.isResumed)
  }

  @Test("a server that lost its keys is met as if for the first time")
  func newKeys() throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate)
    _ = try Self.meet(contexts, certificate)
    TLSContext.useTicketKeys([try #require(TLSContext.makeTicketKey())])
    let again = try #require(try Self.meet(contexts, certificate))
    #expect((again.facts.isResumed, again.signatures) == (false, 1))
    #expect(try Self.meet(contexts, certificate)?.facts.isResumed == true)
  }

  @Test("a handshake that fails is not tried that way again")
  func failure() throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate, .version12)
    _ = try Self.meet(contexts, certificate)
    let client = try Self.client(contexts.client)
    #expect(client.step() == .needsInput)
    client.feed(ByteBuffer(string: "this is no record of TLS\r\n"))
    guard case .failed = client.step() else {
      Issue.record("it goes on")
      return
    }
    #expect(contexts.client.tickets.count == 0)
    #expect(try Self.meet(contexts, certificate)?.facts.isResumed == false)
  }

  @Test(
    "a verification counts for an hour, however many tickets follow it",
    arguments: [TLSProtocols.version12, .version13]
  )
  func age(protocols: TLSProtocols) throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate, protocols)
    let begin = ContinuousClock.now
    for (minute, isResumed) in [(0, false), (40, true), (59, true), (60, false), (100, true)] {
      contexts.client.tickets.now = { begin + .seconds(60 * minute) }
      let met = try #require(try Self.meet(contexts, certificate))
      #expect(met.facts.isResumed == isResumed, "\(minute)")
    }
    contexts.client.tickets.now = { begin + .seconds(60 * 200) }
    #expect(contexts.client.tickets.take(for: Self.peer) == nil)
    #expect(contexts.client.tickets.count == 0)
  }

  @Test("a handshake whose peer goes away is not tried that way again")
  func abandoned() throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate, .version12)
    _ = try Self.meet(contexts, certificate)
    let client = try Self.client(contexts.client)
    #expect(client.offersTicket)
    let channel = EmbeddedChannel()
    let handler = TLSHandler(client, patience: .seconds(10)) { _, _, answer in answer(nil) }
    #expect(handler.offersTicket)
    try channel.pipeline.syncOperations.addHandler(handler)
    channel.pipeline.fireChannelActive()
    channel.pipeline.fireChannelInactive()
    #expect(contexts.client.tickets.count == 0)
    #expect(throws: TLSFailure.self) { try channel.throwIfErrorCaught() }
    _ = try? channel.finish()
  }

  @Test("the tickets of so many peers are kept, and of those that were met last")
  func bounds() throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate, .version13)
    let most = TLSTickets.Limits.peers
    func peer(_ number: Int) -> TLSPeer {
      TLSPeer(name: TestCertificate.name, endpoint: "192.0.2.1:\(number)")
    }
    for number in 0..<most { _ = try Self.meet(contexts, certificate, peer: peer(number)) }
    // The first one again, so that the second is the oldest.
    #expect(try Self.meet(contexts, certificate, peer: peer(0))?.facts.isResumed == true)
    _ = try Self.meet(contexts, certificate, peer: peer(most))
    #expect(contexts.client.tickets.count == most)
    #expect(try Self.meet(contexts, certificate, peer: peer(0))?.facts.isResumed == true)
    #expect(try Self.meet(contexts, certificate, peer: peer(1))?.facts.isResumed == false)
  }
}
