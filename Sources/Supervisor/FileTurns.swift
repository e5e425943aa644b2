// SPDX-License-Identifier: ISC

/// Whose file is read next: users have turns, since each reading process is its user's, who can stop it.
///
/// A user has few readers, for which his other files wait, and whoever has the fewest goes first.
/// Pure: told what was asked and what was read, says what to do.
package struct FileTurns<Work> {
  /// What bounds reading and waiting.
  package struct Limits: Sendable {
    /// Files that are read at a time, each on a thread of its own.
    package var readers = 8
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
    case read(Work)
    /// It is not read: there are too many, or it has waited for too long.
    case refuse(Work)
  }

  private struct Waiting {
    let work: Work
    let deadline: Int64
  }

  private let limits: Limits
  /// Readers, by user.
  private var reading: [UInt32: Int] = [:]
  private var readers = 0
  private var waiting: [UInt32: [Waiting]] = [:]
  private var waitingCount = 0
  /// Users of whom files wait; whose turn is next comes first.
  private var order: [UInt32] = []

  package init(_ limits: Limits = Limits()) {
    precondition(limits.readersOfUser < limits.readers)
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

  /// One of a user's files has been read.
  package mutating func done(of user: UInt32, at now: Int64) -> [Step] {
    guard let count = reading[user] else { preconditionFailure("a file that was not read") }
    reading[user] = count > 1 ? count - 1 : nil
    readers -= 1
    return next(at: now)
  }

  /// Of the users with the fewest readers the one whose turn is next; nil when nobody may have one more.
  private var nextPlace: Int? {
    func readers(at place: Int) -> Int { reading[order[place], default: 0] }
    guard let place = order.indices.min(by: { readers(at: $0) < readers(at: $1) }),
      readers(at: place) < limits.readersOfUser
    else { return nil }
    return place
  }

  private mutating func next(at now: Int64) -> [Step] {
    var steps: [Step] = []
    while readers < limits.readers, let place = nextPlace {
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
      reading[user, default: 0] += 1
      readers += 1
      steps.append(.read(first.work))
    }
    return steps
  }
}
