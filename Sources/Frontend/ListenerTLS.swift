// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import KeysEdge
internal import NIOCore
internal import TLS

/// TLS of the listeners: a context for each, made anew with each renewal of the certificates.
final class ListenerTLS {
  /// How long a handshake may take.
  private static let patience = TimeAmount.seconds(60)

  private let projection: FrontendProjection
  private let keys: KeysClient
  /// By the listener's index.
  private var contexts: [UInt16: TLSContext] = [:]

  init(_ projection: FrontendProjection, _ keys: KeysClient) {
    self.projection = projection
    self.keys = keys
  }

  /// Sessions that begin from now on show these certificates. Returns what is wrong with some of them;
  /// their listeners keep what they had.
  func use(_ package: CertificatePackage) -> [String] {
    var faults: [String] = []
    for listener in projection.listeners where listener.security.encryption != .none {
      do throws(TLSError) {
        contexts[listener.index] = try context(listener.security, package)
      } catch {
        faults.append("listen on \(listener.address): \(error)")
      }
    }
    return faults
  }

  /// The handler for one connection.
  func handler(for listener: FrontendProjection.Listener) throws(TLSError) -> TLSHandler {
    guard let context = contexts[listener.index] else {
      throw TLSError("there is no certificate")
    }
    return TLSHandler(
      try TLSSession(accepting: context),
      patience: ListenerTLS.patience,
      signer: keys.sign
    )
  }

  private func context(
    _ security: Configuration.Listener.Security,
    _ package: CertificatePackage
  ) throws(TLSError) -> TLSContext {
    let names = security.certificates
    guard let usual = names.first(where: { $0 == "*" }) ?? names.first else {
      throw TLSError("there is no pki")
    }
    let base = try context(of: usual, security, package)
    for name in names {
      let named = if name == usual { base } else { try context(of: name, security, package) }
      base.add(named, for: name)
    }
    return base
  }

  private func context(
    of name: String,
    _ security: Configuration.Listener.Security,
    _ package: CertificatePackage
  ) throws(TLSError) -> TLSContext {
    guard let chain = package.chain(of: name) else {
      throw TLSError("pki \(name) has no certificate")
    }
    var options = TLSContext.Options(.server)
    options.ciphers = security.ciphers ?? projection.ciphers
    if let text = security.protocols { options.protocols = try TLSProtocols(parsing: text) }
    options.certificateName = name
    options.exchange = chain.exchange == .offered ? .offered : .none
    switch (security.clientCertificate, security.authority) {
    case (.demanded, _): options.verification = .required
    case (.unasked, .some): options.verification = .optional
    case (.unasked, nil): options.verification = .unasked
    }
    let context = try TLSContext(options)
    try context.use(chain: chain.content)
    if let authority = security.authority {
      guard let anchors = package.anchors(of: authority) else {
        throw TLSError("ca \(authority) has no certificate")
      }
      try context.use(anchors: anchors)
    } else if options.verification == .required, !package.systemAnchors.isEmpty {
      try context.use(anchors: package.systemAnchors)
    }
    return context
  }
}
