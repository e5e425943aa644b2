// SPDX-License-Identifier: ISC

/// Tasks that wait for a session of one relay or user, first come first served, and the rule when the queue
/// shall hold further ones back.
package struct TaskBacklog: Sendable {
  private var tasks: [UInt64] = []
  private var head = 0
  /// Held ones that the queue has; not all of them need be left there.
  private var held = 0
  /// Asked back and not yet seen again.
  private var expected = 0

  package enum Admission: Hashable, Sendable {
    case taken
    /// The first of a series: worth a log line.
    case firstHeld
    case held
  }

  package enum Release: Hashable, Sendable {
    case some(Int)
    case all
  }

  /// When to hold tasks back, and how many to ask for.
  package struct Marks: Hashable, Sendable {
    package let tasksHigh: Int
    package let tasksLow: Int
    package let tasksRelease: Int

    package init(_ limits: RelayLimits) {
      tasksHigh = limits.tasksHigh
      tasksLow = limits.tasksLow
      tasksRelease = limits.tasksRelease
    }

    package init(_ limits: LocalLimits) {
      tasksHigh = limits.tasksHigh
      tasksLow = limits.tasksLow
      tasksRelease = limits.tasksRelease
    }
  }

  package init() {}

  package var count: Int { tasks.count - head }
  package var isEmpty: Bool { count == 0 }
  package var isHolding: Bool { held > 0 }

  package mutating func add(_ task: UInt64, _ marks: Marks) -> Admission {
    guard count < marks.tasksHigh else {
      held += 1
      return held == 1 ? .firstHeld : .held
    }
    expected = max(0, expected - 1)
    tasks.append(task)
    return .taken
  }

  /// Puts a task before the others, beyond every limit: it had left already.
  package mutating func putBack(_ task: UInt64) {
    if head > 0 {
      head -= 1
      tasks[head] = task
    } else {
      tasks.insert(task, at: 0)
    }
  }

  package mutating func next() -> UInt64? {
    guard head < tasks.count else { return nil }
    defer {
      head += 1
      if head == tasks.count {
        tasks.removeAll(keepingCapacity: true)
        head = 0
      } else if head >= 64, head * 2 >= tasks.count {
        tasks.removeFirst(head)
        head = 0
      }
    }
    return tasks[head]
  }

  /// What to ask back after a task left: some at the low mark, a full load at zero. Should none of
  /// those come, the rest is asked back when the relay goes away.
  package mutating func release(_ marks: Marks) -> Release? {
    guard held > 0 else { return nil }
    if count == 0 { return release(max(marks.tasksHigh, marks.tasksRelease)) }
    guard count <= marks.tasksLow, expected == 0 else { return nil }
    return release(marks.tasksRelease)
  }

  private mutating func release(_ wanted: Int) -> Release? {
    guard held > wanted else { return releaseAll() }
    held -= wanted
    expected = wanted
    return .some(wanted)
  }

  /// The relay goes away. Nil when nothing is held.
  package mutating func releaseAll() -> Release? {
    guard held > 0 else { return nil }
    held = 0
    expected = 0
    return .all
  }

  /// Empties the backlog.
  package mutating func takeAll() -> [UInt64] {
    let rest = Array(tasks[head...])
    tasks = []
    head = 0
    return rest
  }
}
