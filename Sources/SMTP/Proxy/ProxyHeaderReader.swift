// SPDX-License-Identifier: ISC

/// Reads a PROXY header from the first bytes of a connection, however they come. Pure.
///
///     ┌─ "PROXY " ────▶ line up to CRLF ─────────────────────────────────┐
///     reading                                                            ├─▶ over
///     └─ signature ───▶ version, command, family, length ──▶ payload ────┘
///
/// It holds no more than one header and the piece that its last byte came with. What is no header is
/// refused at the first byte that shows it.
package struct ProxyHeaderReader: Sendable {
  /// What bytes came to.
  package enum Outcome: Hashable, Sendable {
    case needsMore
    /// The header, and what came behind it: the first bytes of TLS or SMTP.
    case header(ProxyHeader, rest: [UInt8])
    case refused(ProxyHeader.Fault)
  }

  private var held: [UInt8] = []
  private var isOver = false

  package init() {}

  /// Bytes arrived. Nothing may follow `header` and `refused`.
  package mutating func received(_ bytes: [UInt8]) -> Outcome {
    precondition(!isOver, "the header is over")
    held += bytes
    do throws(ProxyHeader.Fault) {
      guard let (header, length) = try ProxyHeaderReader.read(held) else { return .needsMore }
      isOver = true
      defer { held = [] }
      return .header(header, rest: Array(held[length...]))
    } catch {
      isOver = true
      held = []
      return .refused(error)
    }
  }

  /// The header that `bytes` begin with, and its length; nil while it is not whole.
  private static func read(
    _ bytes: [UInt8]
  ) throws(ProxyHeader.Fault) -> (ProxyHeader, length: Int)? {
    if startsAlike(bytes, ProxyLine.start) { return try ProxyLine.read(bytes) }
    if startsAlike(bytes, ProxyBlock.signature) { return try ProxyBlock.read(bytes) }
    throw .absent
  }

  /// Whether `bytes`, as far as they are there, are those of `pattern`.
  private static func startsAlike(_ bytes: [UInt8], _ pattern: [UInt8]) -> Bool {
    zip(bytes, pattern).allSatisfy(==)
  }
}
