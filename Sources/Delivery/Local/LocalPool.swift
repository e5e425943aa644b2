// SPDX-License-Identifier: ISC

/// Decides which local delivery runs now, which waits, and which is held. Pure.
///
///     task ──▶ backlog of its user ──a place is free──▶ running ──▶ ended
///                │ above the high mark: hold
package struct LocalPool: Sendable {
  package enum Action: Hashable, Sendable {
    case start(task: UInt64)
    case hold(task: UInt64, HoldID)
    case release(HoldID, TaskBacklog.Release)
    case log(String)
  }

  private struct User: Sendable {
    let hold: HoldID
    var backlog = TaskBacklog()
    var running = 0
    /// Is in `queue`.
    var isWaiting = false
  }

  package var limits: LocalLimits
  private var users: [String: User] = [:]
  private var running: [UInt64: String] = [:]
  /// Users with a backlog and a free place of their own, in turn.
  private var queue: [String] = []
  private var lastHold: UInt64

  /// - Parameter firstHold: holds are numbered from here, apart from those of relays.
  package init(_ limits: LocalLimits, firstHold: UInt64) {
    self.limits = limits
    lastHold = firstHold
  }

  package var runningCount: Int { running.count }

  /// What there is now.
  struct Counts: Hashable, Sendable {
    /// With a delivery that runs or waits.
    let users: Int
    let running: Int
    let waiting: Int
  }

  var counts: Counts {
    Counts(
      users: users.count,
      running: running.count,
      waiting: users.values.reduce(0) { $0 + $1.backlog.count }
    )
  }

  package mutating func begin(task: UInt64, for name: String) -> [Action] {
    if users[name] == nil {
      lastHold += 1
      users[name] = User(hold: HoldID(lastHold))
    }
    guard var user = users.removeValue(forKey: name) else { return [] }
    let admission = user.backlog.add(task, TaskBacklog.Marks(limits))
    users[name] = user
    switch admission {
    case .taken:
      queueUp(name)
      return startSome()
    case .firstHeld:
      return [
        .log("mda: hiwat reached on user \(name): holding envelopes"),
        .hold(task: task, user.hold),
      ]
    case .held:
      return [.hold(task: task, user.hold)]
    }
  }

  package mutating func ended(task: UInt64) -> [Action] {
    guard let name = running.removeValue(forKey: task) else { return [] }
    users[name]?.running -= 1
    queueUp(name)
    var actions = startSome()
    if let user = users[name], user.running == 0, user.backlog.isEmpty {
      if let release = users[name]?.backlog.releaseAll() {
        actions.append(.release(user.hold, release))
      }
      users[name] = nil
    }
    return actions
  }

  private mutating func queueUp(_ name: String) {
    guard let user = users[name], !user.isWaiting, !user.backlog.isEmpty,
      user.running < limits.sessionsPerUserMax
    else { return }
    users[name]?.isWaiting = true
    queue.append(name)
  }

  private mutating func startSome() -> [Action] {
    var actions: [Action] = []
    while running.count < limits.sessionsMax, !queue.isEmpty {
      let name = queue.removeFirst()
      users[name]?.isWaiting = false
      guard let task = users[name]?.backlog.next(), let hold = users[name]?.hold else { continue }
      users[name]?.running += 1
      running[task] = name
      actions.append(.start(task: task))
      if let release = users[name]?.backlog.release(TaskBacklog.Marks(limits)) {
        actions.append(.release(hold, release))
      }
      queueUp(name)
    }
    return actions
  }
}
