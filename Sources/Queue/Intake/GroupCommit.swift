// SPDX-License-Identifier: ISC

/// Which changes go to the store together, and when: everything that waits becomes durable in one
/// transaction.
///
/// New mail goes as soon as the store is idle; outcomes alone wait a few milliseconds for company. The
/// copies that a crash may cause are those whose outcome was waiting here.
package struct GroupCommit<Ticket> {
  package struct Limits: Sendable {
    /// How long changes that nobody waits for may wait, in milliseconds.
    package var patience: Int64 = 4
    /// Changes of one group.
    package var changes = 4096
    /// Bytes of bodies of one group.
    package var bytes = 16 << 20

    package init() {}
  }

  /// Whether somebody waits for a change to be durable.
  package enum Urgency: Sendable {
    case now
    case soon
  }

  /// Changes that belong together, and whose they are.
  package struct Part {
    package let changes: [Change]
    package let ticket: Ticket
    fileprivate let bytes: Int
  }

  private let limits: Limits
  private var waiting: [Part] = []
  private var hasUrgent = false
  /// When the oldest patient change must go.
  package private(set) var deadline: Int64?
  private var isBusy = false

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// Changes that wait or are under way.
  package var isIdle: Bool { waiting.isEmpty && !isBusy }

  /// Adds changes that belong together: they are never split over two groups.
  package mutating func add(
    _ changes: [Change],
    ticket: Ticket,
    _ urgency: Urgency,
    at now: Int64
  ) {
    var bytes = 0
    for case .insert(let message) in changes { bytes += message.body.size }
    waiting.append(Part(changes: changes, ticket: ticket, bytes: bytes))
    switch urgency {
    case .now: hasUrgent = true
    case .soon: deadline = min(deadline ?? .max, now + limits.patience)
    }
  }

  /// The group that is to be committed now; nil when there is none or the last one is under way.
  package mutating func next(at now: Int64) -> [Part]? {
    guard !isBusy, !waiting.isEmpty, hasUrgent || (deadline ?? .max) <= now else { return nil }
    var bytes = 0
    var changes = 0
    var count = 0
    for part in waiting {
      guard count == 0 || (changes < limits.changes && bytes < limits.bytes) else { break }
      changes += part.changes.count
      bytes += part.bytes
      count += 1
    }
    let group = Array(waiting.prefix(count))
    waiting.removeFirst(count)
    isBusy = true
    if waiting.isEmpty {
      hasUrgent = false
      deadline = nil
    }
    return group
  }

  /// The group that `next` gave is durable, or has failed.
  package mutating func finished() {
    precondition(isBusy)
    isBusy = false
  }
}
