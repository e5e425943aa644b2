// SPDX-License-Identifier: ISC

import Mail

/// The tasks that were begun, and the reports that the queue has not acknowledged. Pure.
///
///     begin ──▶ open ──all outcomes──▶ reported ──acknowledged──▶ forgotten
struct TaskLedger {
  private struct Entry {
    let task: DeliveryTask
    var outcomes: [EnvelopeOutcome?]
    let order: UInt64
  }

  enum Beginning: Hashable {
    case begun
    /// It is open: nothing to do.
    case known
    /// It has ended before, this way.
    case reported(TaskReport)
  }

  private var open: [UInt64: Entry] = [:]
  private var reports: [UInt64: TaskReport] = [:]
  private var lastOrder: UInt64 = 0

  mutating func begin(_ task: DeliveryTask) -> Beginning {
    if let report = reports[task.id] { return .reported(report) }
    guard open[task.id] == nil else { return .known }
    lastOrder += 1
    open[task.id] = Entry(
      task: task,
      outcomes: Array(repeating: nil, count: task.envelopes.count),
      order: lastOrder
    )
    return .begun
  }

  subscript(id: UInt64) -> DeliveryTask? { open[id]?.task }

  /// The tasks without an end, oldest first.
  var inFlight: [UInt64] { open.sorted { $0.value.order < $1.value.order }.map(\.key) }
  var inFlightCount: Int { open.count }
  var envelopesInFlight: Int { open.values.reduce(0) { $0 + $1.task.envelopes.count } }
  var unacknowledged: [TaskReport] { Array(reports.values) }

  /// Sets the outcome of one envelope; the first one counts. Returns whether it did.
  ///
  /// - Parameter peer: as in `EnvelopeOutcome`.
  mutating func note(
    _ id: UInt64,
    _ position: Int,
    _ outcome: DeliveryOutcome,
    peer: String = ""
  ) -> Bool {
    guard let entry = open[id], entry.outcomes.indices.contains(position),
      entry.outcomes[position] == nil
    else { return false }
    let envelope = entry.task.envelopes[position].id
    open[id]?.outcomes[position] = EnvelopeOutcome(envelope: envelope, outcome: outcome, peer: peer)
    return true
  }

  /// The places of the envelopes that have no outcome yet.
  func undecided(_ id: UInt64) -> [Int] {
    guard let entry = open[id] else { return [] }
    return entry.outcomes.indices.filter { entry.outcomes[$0] == nil }
  }

  /// Ends a task whose envelopes all have their outcome. Nil when it is not open.
  mutating func end(_ id: UInt64) -> TaskReport? {
    guard let entry = open.removeValue(forKey: id) else { return nil }
    let outcomes = entry.outcomes.map { outcome in
      guard let outcome else { preconditionFailure("a task ends with every outcome noted") }
      return outcome
    }
    let report = TaskReport(task: id, outcomes: outcomes)
    reports[id] = report
    return report
  }

  mutating func acknowledge(_ id: UInt64) { reports[id] = nil }
}
