// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail

/// How many envelopes transactions may still have.
///
/// The frontend asks about recipients before it has heard what the others stand for, so that what was taken
/// is remembered here: for as long as recipients are under way, and a while longer, until it has heard.
final class TransactionRooms {
  /// What bounds the memory of those that are answered.
  enum Limits {
    /// Transactions without a recipient under way that are remembered, at most.
    static let resting = 8192
    /// How long they are while they are no more, at least, in milliseconds.
    static let rest: Int64 = EdgeLimits.recipientAnswer
  }

  private struct Kept {
    weak var room: Room?
  }

  private var kept: [MessageID: Kept] = [:]
  /// What those took that have no recipient under way: half of the limit, and as many of before that.
  private var resting: [MessageID: Int] = [:]
  private var restingLonger: [MessageID: Int] = [:]
  private var restingSince: Int64
  private let now: () -> Int64

  /// - Parameter now: the rising clock, in milliseconds.
  init(now: @escaping () -> Int64) {
    self.now = now
    restingSince = now()
  }

  /// Transactions that have recipients under way.
  var count: Int { kept.count }

  /// Transactions that are remembered besides.
  var restingCount: Int { resting.count + restingLonger.count }

  /// What all questions about one transaction share, and hold until they are answered.
  ///
  /// - Parameters:
  ///   - left: what the frontend knew when it asked.
  ///   - known: what it knew to be taken.
  func room(of transaction: MessageID, left: Int, known: Int) -> Room {
    let room: Room
    if let shared = kept[transaction]?.room {
      room = shared
    } else {
      let taken = resting.removeValue(forKey: transaction) ?? 0
      let before = restingLonger.removeValue(forKey: transaction) ?? 0
      room = Room(transaction, taken: taken + before, self)
      kept[transaction] = Kept(room: room)
    }
    room.limit = known + left
    room.taken = max(room.taken, known)
    return room
  }

  private func rest(_ transaction: MessageID, taken: Int) {
    kept[transaction] = nil
    let now = now()
    if resting.count >= Limits.resting / 2 || now - restingSince >= Limits.rest {
      (restingLonger, resting, restingSince) = (resting, [:], now)
    }
    if taken > 0 { resting[transaction] = taken }
  }

  /// That of one transaction.
  final class Room {
    private let transaction: MessageID
    /// Of all that the transaction takes, as the frontend saw it last.
    fileprivate var limit = 0
    fileprivate var taken: Int
    private let rooms: TransactionRooms

    fileprivate init(_ transaction: MessageID, taken: Int, _ rooms: TransactionRooms) {
      self.transaction = transaction
      self.taken = taken
      self.rooms = rooms
    }

    deinit { rooms.rest(transaction, taken: taken) }

    /// Whether so many more could be taken now.
    func has(_ envelopes: Int) -> Bool { envelopes <= limit - taken }

    /// Takes the envelopes of one recipient: all of them, or none and false.
    func take(_ envelopes: Int) -> Bool {
      guard has(envelopes) else { return false }
      taken += envelopes
      return true
    }
  }
}
