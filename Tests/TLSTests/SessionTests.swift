// SPDX-License-Identifier: ISC

import NIOCore
import Testing

@testable import TLS

@Suite("TLS sessions")
struct SessionTests {
  @Test(
    "a handshake asks for one signature, and both sides can talk",
    arguments: TestCertificate.Kind.allCases,
    [TLSProtocols.version12, .version13]
  )
  func handshake(kind: TestCertificate.Kind, protocols: TLSProtocols) throws {
    let certificate = try TestCertificate(kind)
    let contexts = try SessionPair.contexts(certificate, protocols)
    var pair = try SessionPair(contexts.server, contexts.client)
    guard case .needsSignature(let request) = pair.carry().server else {
      Issue.record("no signature was asked for")
      return
    }
    #expect(request.key == certificate.key.name)
    pair.server.signed(certificate.key.sign(request))
    let steps = pair.carry()
    #expect(steps.server == .established)
    #expect(steps.client == .established)
    #expect(pair.asked.count == 1)
    #expect(pair.client.facts.peer == .valid)
    #expect(pair.client.facts.version == (protocols == .version13 ? "TLSv1.3" : "TLSv1.2"))
    #expect(pair.client.facts.fingerprint.count == 32)
    try pair.client.write(ByteBuffer(string: "EHLO client.example.org\r\n"))
    SessionPair.move(from: pair.client, to: pair.server)
    var heard = ByteBuffer()
    _ = pair.server.read(into: &heard)
    #expect(String(buffer: heard) == "EHLO client.example.org\r\n")
  }

  @Test("hundreds of handshakes wait for their signatures at one time, and get them in any order")
  func many() throws {
    let certificate = try TestCertificate(.ec)
    let contexts = try SessionPair.contexts(certificate)
    var pairs: [SessionPair] = []
    for _ in 0..<300 { pairs.append(try SessionPair(contexts.server, contexts.client)) }
    var requests: [SigningRequest] = []
    for index in pairs.indices {
      guard case .needsSignature(let request) = pairs[index].carry().server else {
        Issue.record("no signature was asked for")
        return
      }
      requests.append(request)
    }
    for index in pairs.indices.reversed() {
      pairs[index].server.signed(certificate.key.sign(requests[index]))
      #expect(pairs[index].carry().client == .established)
    }
  }

  @Test("a signature that is refused, or is another's, fails that handshake")
  func refused() throws {
    let certificate = try TestCertificate(.rsa)
    let contexts = try SessionPair.contexts(certificate)
    for signature in [nil, [UInt8](repeating: 7, count: 256)] {
      var pair = try SessionPair(contexts.server, contexts.client)
      _ = pair.carry()
      pair.server.signed(signature)
      let steps = pair.carry()
      let failed: (TLSSession.Step) -> Bool = { if case .failed = $0 { true } else { false } }
      #expect(failed(steps.server) || failed(steps.client))
    }
  }

  @Test("a session may end while its signature is made")
  func abandoned() throws {
    let certificate = try TestCertificate(.ec)
    let contexts = try SessionPair.contexts(certificate)
    for _ in 0..<50 {
      var pair = try SessionPair(contexts.server, contexts.client)
      _ = pair.carry()
    }
    var last = try SessionPair(contexts.server, contexts.client)
    guard case .needsSignature(let request) = last.carry().server else {
      Issue.record("no signature was asked for")
      return
    }
    last.server.signed(certificate.key.sign(request))
    #expect(last.carry().client == .established)
  }

  @Test("a client that has to verify says why it does not")
  func verification() throws {
    let certificate = try TestCertificate(.ec)
    let strangers = try SessionPair.contexts(certificate, trusted: false)
    let friends = try SessionPair.contexts(certificate)
    let table: [(contexts: (server: TLSContext, client: TLSContext), name: String, text: String)] =
      [
        (strangers, TestCertificate.name, "self-signed certificate"),
        (friends, "other.example.org", "hostname mismatch"),
      ]
    for row in table {
      var pair = try SessionPair(row.contexts.server, row.contexts.client, name: row.name)
      if case .needsSignature(let request) = pair.carry().server {
        pair.server.signed(certificate.key.sign(request))
      }
      guard case .failed(let error) = pair.carry().client else {
        Issue.record("\(row.name) was taken")
        continue
      }
      #expect(error.reason.lowercased().contains(row.text), "\(error)")
    }
  }

  @Test("garbage and cut-off records fail, whatever they begin with", arguments: 0..<64)
  func garbage(seed: Int) throws {
    let certificate = try TestCertificate.shared.get()
    let contexts = try SessionPair.contexts(certificate)
    let pair = try SessionPair(contexts.server, contexts.client)
    _ = pair.client.step()
    var hello = [UInt8]()
    if let bytes = pair.client.drain(ByteBufferAllocator()) {
      hello = Array(bytes.readableBytesView)
    }
    var random = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
    for _ in 0..<(1 + seed % 5) {
      random ^= random << 13
      random ^= random >> 7
      random ^= random << 17
      hello[Int(random % UInt64(hello.count))] = UInt8(truncatingIfNeeded: random >> 32)
    }
    pair.server.feed(ByteBuffer(bytes: hello.prefix(max(1, hello.count - seed))))
    // Any step but a success: nothing was signed.
    #expect(pair.server.step() != .established)
  }
}

extension TestCertificate {
  /// One for all tests that only need any.
  static let shared = Result { try TestCertificate(.ec) }
}
