// SPDX-License-Identifier: ISC

package import Mail

/// What is to be done at which moment: a binary heap. An entry that is no longer wanted stays until it
/// comes up, so whoever takes one out checks whether it still means anything.
package struct Deadlines<Subject: Sendable>: Sendable {
  private var entries: [(at: Instant, subject: Subject)] = []

  package init() {}

  package var count: Int { entries.count }
  package var next: Instant? { entries.first?.at }

  package mutating func add(_ subject: Subject, at moment: Instant) {
    entries.append((moment, subject))
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard entries[child].at < entries[parent].at else { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  /// The earliest entry that is due.
  package mutating func takeDue(at now: Instant) -> Subject? {
    guard let first = entries.first, first.at <= now else { return nil }
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < entries.count && entries[child].at < entries[least].at {
        least = child
      }
      guard least != parent else { return first.subject }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
