// SPDX-License-Identifier: ISC

internal import Mail

/// What delivery has in hand: for each envelope the last of its tasks. An earlier one has ended, and an
/// earlier process of ours has taken its report, for else there would be no later one.
struct TasksInHand: Sequence {
  private var tasks: [EnvelopeID: UInt64] = [:]

  var isEmpty: Bool { tasks.isEmpty }
  var envelopes: [EnvelopeID] { Array(tasks.keys) }

  subscript(envelope: EnvelopeID) -> UInt64? { tasks[envelope] }

  mutating func add(_ task: UInt64, _ envelopes: [EnvelopeID]) {
    for envelope in envelopes { tasks[envelope] = Swift.max(task, tasks[envelope] ?? 0) }
  }

  mutating func remove(_ envelope: EnvelopeID) -> UInt64? { tasks.removeValue(forKey: envelope) }

  func makeIterator() -> Dictionary<EnvelopeID, UInt64>.Iterator { tasks.makeIterator() }
}
