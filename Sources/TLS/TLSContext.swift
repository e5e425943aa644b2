// SPDX-License-Identifier: ISC

internal import COpenSSL

/// What the sessions of one listener, or of one way to relay, have in common. Used on one event loop only.
@safe package final class TLSContext {
  /// Which end of sessions this is.
  package enum Side: Sendable {
    case server
    case client
  }

  /// How a peer's certificate is looked at.
  package enum Verification: Sendable {
    /// A server does not ask for one; a client finds out whether it is valid and goes on.
    case unasked
    /// A server asks for one, and goes on whatever comes.
    case optional
    /// A handshake without a valid one fails.
    case required
  }

  /// Everything that is chosen before the first session.
  package struct Options: Hashable, Sendable {
    /// The end of the sessions.
    package var side: Side
    /// What a peer's certificate has to be.
    package var verification = Verification.unasked
    /// The versions that are spoken.
    package var protocols = TLSProtocols.usual
    /// A cipher list of OpenSSL's for TLS 1.2, or one of the words `secure`, `default`, `compat`, `legacy`
    /// and `all`, which stand for ours; nil is ours too.
    package var ciphers: String?
    /// `dhe`; of a server only.
    package var exchange = FiniteFieldExchange.none
    /// Whose certificate is shown; of a server only. A ticket is good where all of this is as it was, and for
    /// the server's name for which it was given.
    package var certificateName = ""

    /// The usual options.
    package init(_ side: Side) { self.side = side }
  }

  /// Whether a server takes part in finite-field Diffie-Hellman.
  package enum FiniteFieldExchange: Sendable {
    case none
    case offered
  }

  /// Of a client's sessions.
  var tickets = TLSTickets()
  // Freed in deinit; sessions keep what they need of it alive by themselves.
  let pointer: OpaquePointer

  /// - Throws: when the ciphers make no list, or OpenSSL cannot be used.
  package init(_ options: Options) throws(TLSError) {
    var wanted = unsafe talaria_context_options()
    unsafe wanted.side = CInt(
      options.side == .server ? TALARIA_SERVER.rawValue : TALARIA_CLIENT.rawValue
    )
    unsafe wanted.versions = UInt32(options.protocols.rawValue)
    unsafe wanted.verification = CInt(options.verification.value.rawValue)
    unsafe wanted.ffdhe = options.exchange == .offered ? 1 : 0
    var reason = talaria_reason()
    let words = ["secure", "default", "compat", "legacy", "all"]
    let isList = options.ciphers.map { !words.contains($0.lowercased()) } == true
    let ciphers = isList ? options.ciphers.map { $0 + ":!kRSA:!aNULL:!eNULL" } : nil
    // The texts and structures are used during the call only, which keeps copies of what it needs.
    let pointer = unsafe options.certificateName.withCString { name in
      unsafe wanted.certificate_name = name
      guard let ciphers else { return unsafe talaria_context_new(&wanted, &reason) }
      return unsafe ciphers.withCString { text in
        unsafe wanted.ciphers = text
        return unsafe talaria_context_new(&wanted, &reason)
      }
    }
    guard let pointer = unsafe pointer else { throw TLSError(reason) }
    unsafe self.pointer = pointer
  }

  deinit { unsafe talaria_context_free(pointer) }

  /// Shows this certificate, with its chain, in PEM. Whoever drives a session is asked for signatures
  /// of its key.
  package func use(chain pem: [UInt8]) throws(TLSError) {
    var reason = talaria_reason()
    // The array is read during the call only.
    guard unsafe talaria_context_use_chain(pointer, pem, pem.count, &reason) == 0 else {
      throw TLSError(reason)
    }
  }

  /// Trusts these certificates, in PEM.
  package func use(anchors pem: [UInt8]) throws(TLSError) {
    var reason = talaria_reason()
    // The array is read during the call only.
    guard unsafe talaria_context_use_anchors(pointer, pem, pem.count, &reason) == 0 else {
      throw TLSError(reason)
    }
  }

  /// Clients that ask for `name`, or for a name that the other's certificate has, are shown that one.
  package func add(_ other: TLSContext, for name: String) {
    // The text is copied during the call.
    let result = unsafe talaria_context_add_name(pointer, name, other.pointer)
    precondition(result == 0, "no memory")
  }

  /// The most keys of tickets.
  package static let ticketKeysMax = 4
  /// Of one, in bytes.
  package static let ticketKeyLength = Int(TALARIA_TICKET_KEY_SIZE)

  /// Protects session tickets of all contexts of this thread with the first key, and takes those of the others.
  package static func useTicketKeys(_ keys: [[UInt8]]) {
    let good = keys.prefix(ticketKeysMax).filter { $0.count == ticketKeyLength }
    guard !good.isEmpty else { return }
    let bytes = Array(good.joined())
    // The array has the length that the count says, and is read during the call only.
    unsafe talaria_ticket_keys(bytes, good.count)
  }

  /// A key of tickets that nobody can guess.
  package static func makeTicketKey() -> [UInt8]? {
    var key = [UInt8](repeating: 0, count: ticketKeyLength)
    // The array has the length given.
    return unsafe talaria_random(&key, key.count) == 0 ? key : nil
  }
}

extension TLSContext.Verification {
  fileprivate var value: talaria_verification {
    switch self {
    case .unasked: TALARIA_VERIFY_NONE
    case .optional: TALARIA_VERIFY_OPTIONAL
    case .required: TALARIA_VERIFY_REQUIRED
    }
  }
}
