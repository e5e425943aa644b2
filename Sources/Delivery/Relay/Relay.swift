// SPDX-License-Identifier: ISC

package import Mail

/// The state of one relay: its tasks, the addresses it leads to, and its sessions. `RelayPool` acts on it.
package struct Relay: Sendable {
  package let key: RelayKey
  package let hold: HoldID
  package var backlog = TaskBacklog()
  package var lookup = Lookup.none
  /// Sessions by state; a session is in exactly one.
  package var connecting = 0
  package var busy = 0
  /// Ready without a task; the one that became so last is last.
  package var idle: [UInt64] = []
  /// Whose turn it is among the sources.
  package var nextSource = 0
  /// Said QUIT; of no use any more, but not gone.
  package var quitting = 0
  package var use = ConnectionUse()
  /// The moment for which another look at the backlog is already set.
  package var retry: Instant?
  /// What the last session met that never became ready; nil once one did.
  package var lastFailure: RelayFailure?

  package enum Lookup: Sendable {
    case none
    case asking(MailExchangers)
    /// Trusted until the moment given; then asked again.
    case known([RelayTarget], until: Instant)
  }

  package init(key: RelayKey, hold: HoldID) {
    self.key = key
    self.hold = hold
  }

  /// Changes it in place.
  mutating func apply<Result>(_ change: (inout Relay) -> Result) -> Result { change(&self) }

  /// Those that serve tasks now or soon.
  package var connections: Int { connecting + busy + idle.count }

  /// Nothing refers to it any more.
  package var isUnused: Bool {
    guard connections + quitting == 0, backlog.isEmpty else { return false }
    if case .asking = lookup { return false }
    return true
  }

  /// No new connection when those that there are suffice for the tasks that wait.
  package var hasEnoughConnections: Bool {
    let tasks = backlog.count
    return connections >= tasks || (connections > 2 && connections >= tasks / 2)
  }
}
