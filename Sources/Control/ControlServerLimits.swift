// SPDX-License-Identifier: ISC

/// What clients of the administration socket may take.
package struct ControlServerLimits: Sendable {
  package var clients = 64
  package var clientsPerUser = 32
  /// Requests of one client that have no final answer yet.
  package var requestsPerClient = 16
  /// Credits of one request that have not been used yet.
  package var creditsPerRequest = 8
  /// For how long a role is waited for that is asked for its statistics: it has them at hand.
  package var statisticsWait = Duration.seconds(1)

  package init() {}
}
