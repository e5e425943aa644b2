// SPDX-License-Identifier: ISC

/// Counters of the queue role since its start.
struct QueueStatistics {
  var commits = 0
  /// Envelopes that became durable, and that left for good.
  var enqueued = 0
  var dequeued = 0
  var delivered = 0
  var deferred = 0
  var failed = 0
  var looped = 0
  var expired = 0
  var notices = 0
  var removed = 0
}
