// SPDX-License-Identifier: ISC

/// Whose file is read next: users have turns, since each reading process is its user's, who can stop it.
///
/// A user has few readers, for which his other files wait, and whoever has the fewest goes first. A reader that takes
/// long is stopped, or its file system is gone: it goes on to be one of its user's, and gives up its place among all, so
/// that users who stop theirs keep others waiting for that long only.
/// Pure: told what was asked and what was read, says what to do.
package struct FileTurns<Work> {
  /// What bounds reading and waiting.
  package struct Limits: Sendable {
    /// Files that are read at a time, but for those that take long.
    package var readers = 8
    /// Those that take long counted, each on a thread of its own.
    package var readersInAll = 32
    /// After so many milliseconds a reader takes long.
    package var quick: Int64 = 1000
    /// Of one user.
    package var readersOfUser = 2
    /// Files of one user that wait for his readers. Virtual users may share one, who then has all of theirs.
    package var waitingOfUser = 2048
    /// Files that wait.
    package var waiting = 4096
    /// How long one waits, in milliseconds: then nobody waits for what it says any longer.
    package var patience: Int64 = 20_000

    package init() {}
  }

  /// What becomes of a file.
  package enum Step {
    /// Read it, and tell when that is done.
    case read(Work, Reader)
    /// It is not read: there are too many, or it has waited for too long.
    case refuse(Work)
  }

  /// One file's reading.
  package struct Reader: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  private struct Reading {
    let user: UInt32
    let began: Int64
    var isLong = false
  }

  private struct Waiting {
    let work: Work
    let deadline: Int64
  }

  private let limits: Limits
  private var reading: [Reader: Reading] = [:]
  /// Readers, by user.
  private var readersOf: [UInt32: Int] = [:]
  private var lastNumber: UInt64 = 0
  private var waiting: [UInt32: [Waiting]] = [:]
  private var waitingCount = 0
  /// Users of whom files wait; whose turn is next comes first.
  private var order: [UInt32] = []

  package init(_ limits: Limits = Limits()) {
    precondition(limits.readersOfUser < limits.readers && limits.readers <= limits.readersInAll)
    self.limits = limits
  }

  /// A file of a user is to be read.
  package mutating func asked(_ work: Work, of user: UInt32, at now: Int64) -> [Step] {
    let own = waiting[user]?.count ?? 0
    guard own < limits.waitingOfUser, waitingCount < limits.waiting else { return [.refuse(work)] }
    if own == 0 { order.append(user) }
    waiting[user, default: []].append(Waiting(work: work, deadline: now + limits.patience))
    waitingCount += 1
    return next(at: now)
  }

  /// A file has been read.
  package mutating func done(_ reader: Reader, at now: Int64) -> [Step] {
    guard let user = reading.removeValue(forKey: reader)?.user, let count = readersOf[user] else {
      preconditionFailure("a file that was not read")
    }
    readersOf[user] = count > 1 ? count - 1 : nil
    return next(at: now)
  }

  /// Time has passed, as `nextLook` says.
  package mutating func looked(at now: Int64) -> [Step] { next(at: now) }

  /// When a reader will have taken long, whose place another file waits for; nil when none does.
  package var nextLook: Int64? {
    guard reading.count < limits.readersInAll, nextPlace != nil else { return nil }
    return reading.values.lazy.filter { !$0.isLong }.map(\.began).min().map { $0 + limits.quick }
  }

  /// Of the users with the fewest readers the one whose turn is next; nil when nobody may have one more.
  private var nextPlace: Int? {
    func readers(at place: Int) -> Int { readersOf[order[place], default: 0] }
    guard let place = order.indices.min(by: { readers(at: $0) < readers(at: $1) }),
      readers(at: place) < limits.readersOfUser
    else { return nil }
    return place
  }

  private mutating func next(at now: Int64) -> [Step] {
    var steps: [Step] = []
    for (reader, state) in reading where now - state.began >= limits.quick {
      reading[reader]?.isLong = true
    }
    var quick = reading.values.count { !$0.isLong }
    while quick < limits.readers, reading.count < limits.readersInAll, let place = nextPlace {
      let user = order.remove(at: place)
      guard let first = waiting[user]?.removeFirst() else {
        preconditionFailure("a turn for nothing")
      }
      waitingCount -= 1
      if waiting[user]?.isEmpty == true { waiting[user] = nil } else { order.append(user) }
      guard now < first.deadline else {
        steps.append(.refuse(first.work))
        continue
      }
      lastNumber += 1
      let reader = Reader(number: lastNumber)
      reading[reader] = Reading(user: user, began: now)
      readersOf[user, default: 0] += 1
      quick += 1
      steps.append(.read(first.work, reader))
    }
    return steps
  }
}
