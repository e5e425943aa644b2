// SPDX-License-Identifier: ISC

internal import COpenSSL
package import NIOCore

/// One TLS session: bytes in, bytes out, and no socket.
///
///     handshaking ──step──▶ needs input | needs a signature ──signed──▶ … ──▶ established ──▶ closed
///
/// A failure is final. It belongs to the event loop of its context.
@safe package final class TLSSession {
  /// How far the handshake is.
  package enum Step: Equatable {
    case established
    /// More has to come from the peer.
    case needsInput
    /// To be answered with `signed`, and another step.
    case needsSignature(SigningRequest)
    case failed(TLSError)
  }

  /// What was agreed on.
  package struct Facts: Hashable, Sendable {
    /// As `TLSv1.3`.
    package var version: String
    /// As OpenSSL calls it.
    package var cipher: String
    /// Of the cipher's key.
    package var bits: Int
    /// What it showed.
    package var peer: PeerCertificate
    /// SHA-256 of the peer's certificate; empty when there is none.
    package var fingerprint: [UInt8]
    /// Whether a session ticket spared the signature.
    package var isResumed: Bool

    /// The form of log lines.
    package var text: String { "\(version):\(cipher):\(bits)" }

    /// The fingerprint as log lines have it.
    package var fingerprintText: String {
      let digits = Array("0123456789abcdef")
      return "SHA256:"
        + String(fingerprint.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
  }

  /// What the peer's certificate is worth.
  package enum PeerCertificate: Hashable, Sendable {
    case absent
    case valid
    case invalid(String)
  }

  /// What reading found behind the bytes.
  enum Reading {
    case more
    case closed
    case failed(TLSError)
  }

  /// Of one record, in bytes.
  private static let record = 16_384

  // Freed in deinit.
  private let pointer: OpaquePointer
  private let context: TLSContext
  /// Whose tickets are kept; nil: nobody's.
  private let peer: TLSPeer?
  /// When that was verified what a ticket that is shown stands for.
  private var offered: ContinuousClock.Instant?
  /// When what the session knows of its peer was verified, once the handshake is over.
  private var verified: ContinuousClock.Instant?

  /// A server's session.
  package convenience init(accepting context: TLSContext) throws(TLSError) {
    try self.init(context, nil, nil, nil)
  }

  /// A client's session. `serverName` is sent; `verifyName` is what a valid certificate has to be for, nil
  /// for any name. A peer that is named is shown a ticket where it gave one, and asked for the next.
  package convenience init(
    connecting context: TLSContext,
    serverName: String?,
    verifyName: String?,
    peer: TLSPeer? = nil
  ) throws(TLSError) {
    try self.init(context, serverName, verifyName, peer)
    guard let peer, let ticket = context.tickets.take(for: peer) else { return }
    // The session takes what it needs of the ticket. One that was spoiled is not offered.
    if unsafe talaria_session_resume(pointer, ticket.pointer) == 0 { offered = ticket.verified }
  }

  /// Whether the peer is shown a ticket.
  package var offersTicket: Bool { offered != nil }

  /// The handshake does not come to its end: the next one with this peer is whole.
  package func abandoned() { if let peer { context.tickets.forget(peer) } }

  private init(
    _ context: TLSContext,
    _ server: String?,
    _ verify: String?,
    _ peer: TLSPeer?
  ) throws(TLSError) {
    self.context = context
    self.peer = peer
    // Both texts are copied during the call.
    guard let pointer = unsafe talaria_session_new(context.pointer, server, verify) else {
      throw TLSError("a session of TLS cannot be made")
    }
    unsafe self.pointer = pointer
  }

  deinit { unsafe talaria_session_free(pointer) }

  /// Goes on with the handshake.
  package func step() -> Step {
    switch UInt32(unsafe talaria_session_handshake(pointer)) {
    case TALARIA_STEP_DONE.rawValue:
      verified = verified ?? (facts.isResumed ? offered : nil) ?? context.tickets.now()
      keepTickets()
      return .established
    case TALARIA_STEP_INPUT.rawValue: return .needsInput
    case TALARIA_STEP_SIGNATURE.rawValue:
      guard let request else {
        return .failed(TLSError("a signature of an unknown kind is wanted"))
      }
      return .needsSignature(request)
    default:
      abandoned()
      return .failed(failure)
    }
  }

  /// Keeps what the peer gave, the oldest first.
  private func keepTickets() {
    guard let peer, let verified else { return }
    var given: [TLSTicket] = []
    // Each is the caller's.
    while let ticket = unsafe talaria_session_ticket(pointer) {
      given.append(unsafe TLSTicket(owning: ticket, verified: verified))
    }
    for ticket in given.reversed() { context.tickets.keep(ticket, of: peer) }
  }

  private var request: SigningRequest? {
    var request = talaria_request()
    // The structure is written during the call only.
    unsafe talaria_session_request(pointer, &request)
    let key = unsafe withUnsafeBytes(of: request.key) { unsafe Array($0) }
    let input = unsafe withUnsafeBytes(of: request.input) {
      unsafe Array($0.prefix(request.length))
    }
    guard let name = KeyName(key),
      let algorithm = SigningRequest.Algorithm(rawValue: UInt8(clamping: request.algorithm))
    else { return nil }
    return SigningRequest(key: name, algorithm: algorithm, input: input)
  }

  private var failure: TLSError {
    var reason = talaria_reason()
    // The structure is written during the call only.
    unsafe talaria_session_reason(pointer, &reason)
    return TLSError(reason)
  }

  /// The signature that the handshake waits for; nil when there is none.
  package func signed(_ signature: [UInt8]?) {
    let bytes = signature ?? []
    // The array is read during the call only.
    unsafe talaria_session_signed(pointer, bytes, bytes.count)
  }

  /// Takes bytes from the peer.
  package func feed(_ buffer: ByteBuffer) {
    let result = unsafe buffer.withUnsafeReadableBytes { bytes in
      // The bytes are copied during the call.
      unsafe talaria_session_feed(
        pointer,
        bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
        bytes.count
      )
    }
    precondition(result == 0, "no memory")
  }

  /// What there is for the peer; nil when there is nothing.
  package func drain(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
    let count = unsafe talaria_session_pending(pointer)
    guard count > 0 else { return nil }
    var buffer = allocator.buffer(capacity: count)
    unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
      // As many bytes as there is room for are written, and counted.
      unsafe talaria_session_drain(
        pointer,
        bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
        bytes.count
      )
    }
    return buffer
  }

  /// Appends what the peer said to `buffer`.
  func read(into buffer: inout ByteBuffer) -> Reading {
    // Some tickets come behind the handshake.
    defer { keepTickets() }
    while true {
      var result = 0
      unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: TLSSession.record) { bytes in
        // As many bytes as there is room for are written, and counted.
        result = unsafe talaria_session_read(
          pointer,
          bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
          bytes.count
        )
        return max(0, result)
      }
      guard result <= 0 else { continue }
      switch result {
      case Int(TALARIA_READ_NOTHING): return .more
      case Int(TALARIA_READ_CLOSED): return .closed
      default: return .failed(failure)
      }
    }
  }

  /// Says something to the peer; what comes of it is there to drain.
  package func write(_ buffer: ByteBuffer) throws(TLSError) {
    let result = unsafe buffer.withUnsafeReadableBytes { bytes in
      // The bytes are read during the call only.
      unsafe talaria_session_write(
        pointer,
        bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
        bytes.count
      )
    }
    guard result == 0 else { throw failure }
  }

  /// Tells the peer that nothing more will be said.
  func close() { unsafe talaria_session_close(pointer) }

  /// What was agreed on, once the session is established.
  package var facts: Facts {
    var facts = talaria_facts()
    // The structure is written during the call only.
    unsafe talaria_session_facts(pointer, &facts)
    let fingerprint = unsafe withUnsafeBytes(of: facts.fingerprint) { unsafe Array($0) }
    let peer: PeerCertificate =
      facts.has_certificate == 0
      ? .absent : facts.is_verified != 0 ? .valid : .invalid(facts.verification.words)
    return Facts(
      version: printable(facts.version),
      cipher: printable(facts.cipher),
      bits: Int(facts.bits),
      peer: peer,
      fingerprint: facts.has_certificate == 0 ? [] : fingerprint,
      isResumed: facts.is_resumed != 0
    )
  }
}
