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
  /// The first number that the stored cursor does not cover.
  private var covered: UInt32

  /// - Parameter stored: the setting's value, or nil in a new store.
  package init(stored: [UInt8]?) {
    var reader = ByteReader(stored ?? [])
    let value = (try? reader.readInteger(UInt32.self)) ?? 1
    next = value == 0 ? 1 : value
    covered = next
  }

  /// The value to store now, before the next block is handed out; nil while the stored one covers it.
  package mutating func extend(for count: UInt32) -> [UInt8]? {
    guard covered &- next < count else { return nil }
    covered = next &+ max(count, IdentifierCursor.stretch)
    if covered < next || covered == 0 { covered = max(covered, 1) }
    var writer = ByteWriter(reserving: 4)
    writer.write(covered)
    return writer.finish()
  }

  /// The next `count` numbers that neither wrap nor hit one that is live.
  ///
  /// - Parameter isTaken: whether a message of this identifier is live or quarantined.
  package mutating func block(
    of count: UInt32,
    isTaken: (MessageID) -> Bool
  ) -> (first: MessageID, count: UInt32) {
    precondition(count > 0)
    while true {
      if next > UInt32.max - count { next = 1 }
      var length: UInt32 = 0
      while length < count, let id = MessageID(next + length), !isTaken(id) { length += 1 }
      if length > 0, let first = MessageID(next) {
        next += length
        return (first, length)
      }
      next += 1
    }
  }
}
