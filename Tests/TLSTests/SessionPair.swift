// SPDX-License-Identifier: ISC

import NIOCore
import Testing

@testable import TLS

/// A server's and a client's session in one process, with the bytes carried by hand.
struct SessionPair {
  let server: TLSSession
  let client: TLSSession
  private(set) var asked: [SigningRequest] = []

  init(
    _ server: TLSContext,
    _ client: TLSContext,
    name: String = TestCertificate.name,
    peer: TLSPeer? = nil
  ) throws {
    self.server = try TLSSession(accepting: server)
    self.client = try TLSSession(
      connecting: client,
      serverName: name,
      verifyName: name,
      peer: peer
    )
  }

  /// Contexts for a certificate that the client trusts.
  static func contexts(
    _ certificate: TestCertificate,
    _ protocols: TLSProtocols = .usual,
    trusted: Bool = true
  ) throws -> (server: TLSContext, client: TLSContext) {
    var options = TLSContext.Options(.server)
    options.protocols = protocols
    let server = try TLSContext(options)
    try server.use(chain: certificate.pem)
    var clientOptions = TLSContext.Options(.client)
    clientOptions.verification = .required
    let client = try TLSContext(clientOptions)
    if trusted { try client.use(anchors: certificate.pem) }
    return (server, client)
  }

  /// Carries bytes until the server wants a signature, or both are through. Returns the last steps.
  mutating func carry() -> (server: TLSSession.Step, client: TLSSession.Step) {
    var steps: (server: TLSSession.Step, client: TLSSession.Step) = (.needsInput, .needsInput)
    for _ in 0..<12 {
      steps.client = client.step()
      SessionPair.move(from: client, to: server)
      steps.server = server.step()
      SessionPair.move(from: server, to: client)
      if case .needsSignature(let request) = steps.server {
        if asked.last != request { asked.append(request) }
        return steps
      }
      if steps.client == .established, steps.server == .established { return steps }
      if case .failed = steps.client { return steps }
      if case .failed = steps.server { return steps }
    }
    return steps
  }

  static func move(from: TLSSession, to: TLSSession) {
    if let bytes = from.drain(ByteBufferAllocator()) { to.feed(bytes) }
  }
}
