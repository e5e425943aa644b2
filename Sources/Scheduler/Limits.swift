// SPDX-License-Identifier: ISC

extension Scheduler {
  /// What bounds the scheduler's work, and the constants of the retry formula.
  package struct Limits: Sendable {
    /// Envelopes in flight at most; at the limit nothing more is dispatched.
    package var inFlight = 5000
    /// Envelopes that one call of `nextBatch` hands out at most.
    package var batch = 256
    /// Envelopes of one message that one dispatch holds at most: the recipients of a transaction.
    package var dispatch = 100
    /// Whether each envelope for a destination is a dispatch of its own, by the destination's name.
    package var isSplit: @Sendable (Kind, _ destination: String) -> Bool = { _, _ in false }
    /// Timers that one pass fires or moves at most, so that no pass stalls its thread.
    package var pass = 8192
    /// Envelopes in one hold queue at most, unless it was asked for without a bound.
    package var hold = 1000
    /// Dispatches that a destination has under way at most, until it is told otherwise by `set`.
    package var relayTasks: UInt32 = .max
    /// The same of a local user.
    package var localTasks: UInt32 = .max
    /// Envelopes of other messages that are skipped to complete one dispatch.
    package var groupingSkips = 16
    /// Siblings that are looked at to gather one notice.
    package var groupingSiblings = 4096
    /// Seconds in the retry formula: next = creation + base · step².
    package var relayBase: UInt32 = 400
    package var localBase: UInt32 = 10
    package var bounceBase: UInt32 = 10
    package var overflowBase: UInt32 = 3
    /// A retry is put off by at most one part in this many of the time until it.
    package var jitterShare: UInt32 = 16
    /// And by at most this many seconds.
    package var jitterMax: UInt32 = 300
    /// Seconds that a new bounce waits for others of its message, to share one notice.
    package var gathering: UInt32 = 1

    package init() {}
  }
}
