// SPDX-License-Identifier: ISC

/// What was stated of `task-lowat` and `task-hiwat`, which may be in any order and in several statements:
/// they are compared when everything is read.
struct TaskMarks {
  /// What has marks of its own.
  enum Owner: Hashable {
    case local
    /// Nil is every domain without limits of its own.
    case relay(domain: String?)
  }

  /// Without it the low mark follows a high one that is below it.
  var isLowStated = false
  /// Where one of them was stated last.
  private(set) var position: SourcePosition?

  /// Takes a limit, which may be another one.
  mutating func state(_ word: String, at position: SourcePosition) {
    guard word == RelayLimits.Key.tasksLow.rawValue || word == RelayLimits.Key.tasksHigh.rawValue
    else { return }
    if word == RelayLimits.Key.tasksLow.rawValue { isLowStated = true }
    self.position = position
  }
}

extension Parser {
  /// Lowers low marks that nobody stated, and reports those that are above the high ones.
  mutating func settleTaskMarks() {
    draft.localLimits.tasksLow = lowMark(
      draft.localLimits.tasksLow,
      below: draft.localLimits.tasksHigh,
      of: .local
    )
    draft.relayLimits.tasksLow = lowMark(
      draft.relayLimits.tasksLow,
      below: draft.relayLimits.tasksHigh,
      of: .relay(domain: nil)
    )
    let general = draft.relayLimits
    let isReported = general.tasksLow > general.tasksHigh
    for (domain, limits) in draft.relayLimitsByDomain.sorted(by: { $0.key < $1.key }) {
      // What a domain took over is reported where it is stated.
      if isReported, limits.tasksLow == general.tasksLow, limits.tasksHigh == general.tasksHigh {
        continue
      }
      let low = lowMark(limits.tasksLow, below: limits.tasksHigh, of: .relay(domain: domain))
      draft.relayLimitsByDomain[domain]?.tasksLow = low
    }
  }

  private mutating func lowMark(_ low: Int, below high: Int, of owner: TaskMarks.Owner) -> Int {
    guard low > high, let marks = taskMarks[owner] else { return low }
    guard marks.isLowStated else { return high }
    if let position = marks.position {
      report(.limitOrder(low: "task-lowat", high: "task-hiwat"), at: position)
    }
    return low
  }
}
