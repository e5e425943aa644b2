// SPDX-License-Identifier: ISC

internal import Synchronization

/// Bytes that nobody else should see: a password on its way. They are overwritten when nobody holds them
/// any more, and no log can show them.
package final class Secret: Sendable {
  private let content: Mutex<[UInt8]>

  /// Takes over the bytes: whoever has no other copy of them leaves none.
  package init(_ bytes: consuming [UInt8]) {
    content = Mutex(bytes)
  }

  deinit { content.withLock { Secret.wipe(&$0) } }

  /// How many bytes there are.
  package var count: Int { content.withLock { $0.count } }

  /// Shows the bytes to `body`, which keeps none of them.
  package func withBytes<Result: Sendable, Failure: Error>(
    _ body: ([UInt8]) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try content.withLock { bytes throws(Failure) in try body(bytes) }
  }

  /// Overwrites bytes that are of no use any more, as far as this is their only copy.
  @inline(never)
  package static func wipe(_ bytes: inout [UInt8]) {
    for index in bytes.indices { bytes[index] = 0 }
    bytes.removeAll()
  }
}

extension Secret: Equatable {
  /// For what holds a secret, and for tests: not in constant time.
  package static func == (lhs: Secret, rhs: Secret) -> Bool {
    lhs === rhs || lhs.withBytes { left in rhs.withBytes { right in left == right } }
  }
}

extension Secret: CustomStringConvertible {
  /// Never what it holds.
  package var description: String { "(secret)" }
}
