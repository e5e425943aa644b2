// SPDX-License-Identifier: ISC

import NIOCore
import TLS

/// Certificates by their names in the configuration. All of it is public.
package struct RelayCertificates: Sendable {
  /// Chains in PEM, by the name of the `pki`.
  package var chains: [String: [UInt8]] = [:]
  /// Trust anchors in PEM, by the name of the `ca`.
  package var anchors: [String: [UInt8]] = [:]
  /// Trust anchors of the system in PEM.
  package var systemAnchors: [UInt8] = []

  /// None.
  package init() {}
}

/// The delivering role's TLS: a context for each way to relay, made when it is first needed.
final class RelayTLS {
  private struct Kind: Hashable {
    let certificate: String?
    let authority: String?
    let ciphers: String?
    let protocols: String?
    let isVerified: Bool
  }

  /// How long a handshake may take.
  private static let patience = TimeAmount.seconds(60)

  private let signer: TLSHandler.Signer
  private var contexts: [Kind: TLSContext] = [:]
  /// New connections use it from now on.
  var certificates = RelayCertificates() { didSet { contexts = [:] } }

  init(signer: @escaping TLSHandler.Signer) { self.signer = signer }

  /// The handler for one connection. `name` is the host's; its certificate has to be for it where it is
  /// verified. What the host gave to spare a handshake is used for the same name at the same `endpoint`, and
  /// by what relays in the same way: it was verified as far as that asks for.
  func handler(
    _ security: RelaySecurity,
    _ mode: RelaySecurity.Mode,
    host name: String?,
    isAddress: Bool,
    endpoint: RelayEndpoint,
    identity: String
  ) throws(TLSError) -> TLSHandler {
    let isVerified = mode == .required(.demanded) || mode == .immediate(.demanded)
    let context = try context(security, isVerified: isVerified)
    if isVerified, name == nil { throw TLSError("there is no name to verify a certificate for") }
    let session = try TLSSession(
      connecting: context,
      serverName: isAddress ? nil : name,
      verifyName: name,
      peer: name.map { TLSPeer(name: $0, endpoint: RelayTLS.text(endpoint), identity: identity) }
    )
    return TLSHandler(session, patience: RelayTLS.patience, signer: signer)
  }

  private static func text(_ endpoint: RelayEndpoint) -> String {
    guard case .inet(_, let port) = endpoint else { return "\(endpoint)" }
    return "\(endpoint):\(port)"
  }

  private func context(_ security: RelaySecurity, isVerified: Bool) throws(TLSError) -> TLSContext {
    let kind = Kind(
      certificate: security.certificate,
      authority: security.authority,
      ciphers: security.ciphers,
      protocols: security.protocols,
      isVerified: isVerified
    )
    if let known = contexts[kind] { return known }
    var options = TLSContext.Options(.client)
    options.ciphers = security.ciphers
    if let text = security.protocols { options.protocols = try TLSProtocols(parsing: text) }
    options.verification = isVerified ? .required : .unasked
    let context = try TLSContext(options)
    if let name = security.certificate {
      guard let chain = certificates.chains[name] else {
        throw TLSError("pki \(name) has no certificate")
      }
      try context.use(chain: chain)
    }
    if let name = security.authority {
      guard let anchors = certificates.anchors[name] else {
        throw TLSError("ca \(name) has no certificate")
      }
      try context.use(anchors: anchors)
    } else if !certificates.systemAnchors.isEmpty {
      try context.use(anchors: certificates.systemAnchors)
    }
    contexts[kind] = context
    return context
  }
}
