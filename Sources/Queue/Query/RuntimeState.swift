// SPDX-License-Identifier: ISC

/// Where an envelope is while the queue runs, in the words of the query grammar.
package enum RuntimeState: String, CaseIterable, Sendable {
  /// Waits for its time.
  case pending
  /// Due: waits for room or for its turn. To an operator it is pending, too.
  case scheduled
  case inflight
  /// Waits for its destination.
  case held
  /// Stopped by the operator, or because it killed its deliverer.
  case suspended
  /// Given up; the notice about it is on its way.
  case expired
  /// Its action is not in the configuration.
  case orphaned
  /// The daemon does not run.
  case offline
}
