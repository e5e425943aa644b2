// SPDX-License-Identifier: ISC

package import Mail

/// Which changes go to the store together, and when.
///
/// New mail goes as soon as the store is idle; outcomes alone wait a few milliseconds for company. The
/// copies that a crash may cause are those whose outcome was waiting here.
///
/// A group has not all of the new mail that waits where the disk is quick: its clients go on while the
/// next group is written, and nobody idles in between. It has as much as makes its sync worth while.
///
/// Changes take effect in the order in which they were added, also when a group fails and is done again.
package struct GroupCommit<Ticket> {
  package struct Limits: Sendable {
    /// How long changes that nobody waits for may wait, in milliseconds.
    package var patience: Int64 = 4
    /// Changes of one group.
    package var changes = 4096
    /// Parts of one group that somebody waits for, where a sync takes next to no time...
    package var urgentParts = 16
    /// ...and the time of a sync for which there may be another: about what carrying out one takes.
    package var syncPerUrgentPart = Duration.microseconds(60)
    /// Such parts however slow the disk is.
    package var urgentPartsMax = 256
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
    fileprivate let urgency: Urgency
    /// How often a group that it was in has failed.
    package fileprivate(set) var failures = 0
    fileprivate let bytes: Int

    package init(changes: [Change], ticket: Ticket, _ urgency: Urgency = .now) {
      self.changes = changes
      self.ticket = ticket
      self.urgency = urgency
      var bytes = 0
      for case .insert(let message) in changes { bytes += message.body.size }
      self.bytes = bytes
    }

    /// The messages that it brings.
    package var inserted: [Message] {
      changes.compactMap { if case .insert(let new) = $0 { new.message } else { nil } }
    }

    /// It was in two groups that failed, and may be why.
    fileprivate var isSuspect: Bool { failures >= 2 }
  }

  private let limits: Limits
  private var waiting: [Part] = []
  private var hasUrgent = false
  /// When the oldest patient change must go.
  package private(set) var deadline: Int64?
  private var isBusy = false
  /// How many parts of a group somebody may wait for.
  private var urgentMax: Int

  package init(limits: Limits = Limits()) {
    self.limits = limits
    urgentMax = limits.urgentParts
  }

  /// Changes that wait or are under way.
  package var isIdle: Bool { waiting.isEmpty && !isBusy }

  /// Adds changes that belong together: they are never split over two groups.
  package mutating func add(
    _ changes: [Change],
    ticket: Ticket,
    _ urgency: Urgency,
    at now: Int64
  ) {
    waiting.append(Part(changes: changes, ticket: ticket, urgency))
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
    var urgent = 0
    for part in waiting {
      if count > 0, part.isSuspect || waiting[0].isSuspect { break }
      guard count == 0 || (changes < limits.changes && bytes < limits.bytes) else { break }
      if part.urgency == .now { urgent += 1 }
      guard count == 0 || urgent <= urgentMax else { break }
      changes += part.changes.count
      bytes += part.bytes
      count += 1
    }
    let group = Array(waiting.prefix(count))
    waiting.removeFirst(count)
    precondition(count > 0)
    isBusy = true
    if waiting.isEmpty {
      hasUrgent = false
      deadline = nil
    }
    return group
  }

  /// The group that `next` gave is durable.
  ///
  /// - Parameter sync: how long the store waited for the disk.
  package mutating func finished(after sync: Duration = .zero) {
    precondition(isBusy)
    isBusy = false
    let worth = min(Double(limits.urgentPartsMax), sync / limits.syncPerUrgentPart)
    urgentMax = max(limits.urgentParts, Int(worth))
  }

  /// The group that `next` gave has failed. What must be done all the same goes before all that waits,
  /// in its order; what has failed twice goes alone, so that one part that cannot be done is found and
  /// holds up no other.
  ///
  /// - Parameters:
  ///   - again: parts of that group, or what takes their place.
  ///   - retry: whether one of them is to be found at once.
  package mutating func failed(again: [Part], _ retry: Retry = .together) {
    precondition(isBusy)
    isBusy = false
    guard !again.isEmpty else { return }
    let parts = again.map { part in
      var part = part
      part.failures += 1
      if retry == .alone { part.failures = max(part.failures, 2) }
      return part
    }
    waiting.insert(contentsOf: parts, at: 0)
    hasUrgent = true
  }

  /// How parts of a group that has failed are done again.
  package enum Retry: Sendable {
    case together
    case alone
  }

  /// The store has these messages, though the groups that inserted them have failed. What waits to
  /// insert one of them again removes it first; the others are removed before all that waits.
  package mutating func undo(_ messages: Set<MessageID>, ticket: Ticket) {
    precondition(!isBusy)
    var left = messages
    waiting = waiting.map { part in
      let found = part.inserted.map(\.id).filter(messages.contains)
      guard !found.isEmpty else { return part }
      left.subtract(found)
      let changes = found.map { Change.removeMessage($0) } + part.changes
      var whole = Part(changes: changes, ticket: part.ticket, part.urgency)
      whole.failures = part.failures
      return whole
    }
    guard !left.isEmpty else { return }
    let removals = left.sorted().map { Change.removeMessage($0) }
    waiting.insert(Part(changes: removals, ticket: ticket), at: 0)
    hasUrgent = true
  }
}
