// SPDX-License-Identifier: ISC

/// When what was asked must have been answered, in the order in which it was asked.
///
/// Every key has the same time, so the first is always the next that is overdue. A key that was
/// answered stays until its time comes, and is skipped then.
package struct AnswerDeadlines<Key: Sendable>: Sendable {
  /// How long an answer may take, in milliseconds.
  private let limit: Int64
  private var asked: [(key: Key, deadline: Int64)] = []
  private var first = 0

  package init(limit: Int64) { self.limit = limit }

  /// In the order of rising times.
  package mutating func asked(_ key: Key, at now: Int64) {
    assert(asked.last.map { $0.deadline <= now + limit } ?? true)
    asked.append((key, now + limit))
  }

  /// The next key whose time has come; nil when there is none yet.
  package mutating func takeOverdue(at now: Int64) -> Key? {
    guard first < asked.count, asked[first].deadline <= now else { return nil }
    let key = asked[first].key
    first += 1
    // The array is shifted once for many.
    if first == asked.count || first >= 1024 {
      asked.removeFirst(first)
      first = 0
    }
    return key
  }
}
