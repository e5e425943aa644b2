// SPDX-License-Identifier: ISC

package import Mail

/// STARTTLS (RFC 3207), and sessions that are encrypted from their first byte.
extension ServerSession {
  /// What a session is encrypted with.
  package struct Encryption: Hashable, Sendable {
    /// As `TLSv1.3`.
    package var version: String
    /// As the TLS library calls it.
    package var cipher: String
    /// Of the cipher's key.
    package var bits: Int
    /// What the client showed.
    package var client: ClientCertificate

    /// What a handshake agreed on.
    package init(version: String, cipher: String, bits: Int, client: ClientCertificate) {
      self.version = version
      self.cipher = cipher
      self.bits = bits
      self.client = client
    }
  }

  /// Whether the client proved who it is.
  package enum ClientCertificate: Hashable, Sendable {
    case verified
    case unverified
  }

  /// Whether STARTTLS would be taken now.
  var mayBeginTLS: Bool {
    switch configuration.encryption {
    case .none, .immediate: false
    case .offered, .required: encryption == nil
    }
  }

  mutating func beginTLS(_ form: Command.Bare) {
    guard configuration.encryption != .none else { return failLine(ServerReply.unsupported) }
    guard mayBeginTLS else { return failLine(ServerReply.alreadySecured) }
    guard identity != nil, case .ready = state else { return failLine(ServerReply.wrongState) }
    guard form == .bare else { return failLine(ServerReply.noParameters) }
    reply(ServerReply.startTLS)
    flush()
    actions.append(.secure)
    state = .securing
  }

  /// The answer to `secure`, and before `connected` with a listener that is encrypted from the start: the
  /// handshake is over. What the client sent before it is forgotten, with all that it had said.
  package mutating func secured(_ encryption: Encryption, at now: Instant) -> [Action] {
    switch state {
    case .ended: return []
    case .securing:
      self.encryption = encryption
      identity = nil
      user = nil
      input.removeAll()
      state = .ready
      return proceed(at: now)
    case .starting, .ready, .authenticating, .verifying, .checkingSender, .opening, .addressing,
      .receiving, .storing:
      precondition(configuration.encryption == .immediate, "secured without being asked to")
      self.encryption = encryption
      return []
    }
  }

  /// The handshake failed: nothing can be said any more.
  package mutating func tlsFailed() -> [Action] {
    if case .ended = state { return [] }
    end(with: nil, .tlsFailed)
    return takeActions()
  }
}
