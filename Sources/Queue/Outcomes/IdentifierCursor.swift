// SPDX-License-Identifier: ISC

package import Mail

/// Hands out message identifiers in rising order and in blocks.
///
/// The durable cursor stands behind everything that was ever handed out: `settingValue` is stored
/// *before* a number above the old one is used, a stretch ahead at a time, so that a restart skips the
/// rest of a stretch and never repeats a number.
package struct IdentifierCursor: Sendable {
  /// The store's name for the cursor.
  package static let setting = "identifier.cursor"
  /// How many numbers one durable step covers.
  package static let stretch: UInt32 = 65_536

  private var next: UInt32
  /// How many numbers from `next` on the stored cursor covers.
  private var covered: UInt32 = 0

  /// - Parameter stored: the setting's value, or nil in a new store.
  package init(stored: [UInt8]?) {
    var reader = ByteReader(stored ?? [])
    let value = (try? reader.readInteger(UInt32.self)) ?? 1
    next = max(value, 1)
  }

  /// The value to store now, before the next block is handed out; nil while the stored one covers it.
  package mutating func extend(for count: UInt32) -> [UInt8]? {
    guard covered < count else { return nil }
    covered = max(count, IdentifierCursor.stretch)
    var writer = ByteWriter(reserving: 4)
    writer.write(IdentifierCursor.number(covered, after: next))
    return writer.finish()
  }

  /// The next numbers that neither wrap nor hit one that is live: at least one, at most `count`. Nil
  /// when all that is covered is live: extend, and ask again.
  ///
  /// - Parameter isTaken: whether a message of this identifier is live or quarantined.
  package mutating func block(
    of count: UInt32,
    isTaken: (MessageID) -> Bool
  ) -> (first: MessageID, count: UInt32)? {
    precondition(count > 0)
    while covered > 0 {
      let first = next
      let room = min(count, covered, UInt32.max - first + 1)
      var length: UInt32 = 0
      while length < room, let id = MessageID(first + length), !isTaken(id) { length += 1 }
      let step = max(length, 1)
      next = IdentifierCursor.number(step, after: first)
      covered -= step
      if length > 0, let id = MessageID(first) { return (id, length) }
    }
    return nil
  }

  /// Numbers go from 1 to the largest and then to 1 again.
  private static func number(_ distance: UInt32, after start: UInt32) -> UInt32 {
    UInt32((UInt64(start) - 1 + UInt64(distance)) % UInt64(UInt32.max)) + 1
  }
}
