// SPDX-License-Identifier: ISC

internal import Mail

/// How many envelopes transactions may still have, for as long as recipients of theirs are under way:
/// those were asked about before it was known what the others stand for.
final class TransactionRooms {
  private struct Kept {
    weak var room: Room?
  }

  private var kept: [MessageID: Kept] = [:]

  /// Transactions that have recipients under way.
  var count: Int { kept.count }

  /// What all questions about one transaction share, and hold until they are answered.
  ///
  /// - Parameter left: what the frontend knew when it asked.
  func room(of transaction: MessageID, left: Int) -> Room {
    if let room = kept[transaction]?.room {
      room.left = min(room.left, left)
      return room
    }
    let room = Room(transaction, left: left, self)
    kept[transaction] = Kept(room: room)
    return room
  }

  /// That of one transaction.
  final class Room {
    private let transaction: MessageID
    fileprivate var left: Int
    private let rooms: TransactionRooms

    fileprivate init(_ transaction: MessageID, left: Int, _ rooms: TransactionRooms) {
      self.transaction = transaction
      self.left = left
      self.rooms = rooms
    }

    deinit { rooms.kept[transaction] = nil }

    /// Takes the envelopes of one recipient: all of them, or none and false.
    func take(_ envelopes: Int) -> Bool {
      guard envelopes <= left else { return false }
      left -= envelopes
      return true
    }
  }
}
