// SPDX-License-Identifier: ISC

/// The limits of relaying (`limit mta` of the configuration).
package struct RelayLimits: Hashable, Sendable {
  package var connectionsPerHostMax = 10
  package var connectionsPerRouteMax = 5
  package var connectionsPerSourceMax = 100
  package var connectionsPerConnectorMax = 20
  package var connectionsPerRelayMax = 100
  package var connectionsPerDomainMax = 100

  /// The least time between two connections.
  package var connectionDelayPerHost = ConnectionDelay.always(.zero)
  package var connectionDelayPerRoute = ConnectionDelay.untilGoodStanding(.seconds(5))
  package var connectionDelayPerSource = ConnectionDelay.always(.zero)
  package var connectionDelayPerConnector = ConnectionDelay.always(.zero)
  package var connectionDelayPerRelay = ConnectionDelay.untilGoodStanding(.seconds(2))
  package var connectionDelayPerDomain = ConnectionDelay.always(.zero)
  /// The least time between the end of a route's last connection and the next.
  package var reconnectionDelayPerRoute = ConnectionDelay.untilGoodStanding(.seconds(3))

  package var sessionMailsMax = 100
  package var sessionTransactionDelay: Duration = .zero
  package var sessionKeepAlive: Duration = .seconds(10)
  package var sessionFailuresMax = 25

  /// Tasks that wait for one relay before more are held.
  package var tasksHigh = 50
  /// Tasks left when held ones are asked back.
  package var tasksLow = 30
  /// How many are asked back at a time.
  package var tasksRelease = 10

  package var families: Families = .both

  /// Which addresses may be connected to.
  package enum Families: Hashable, Sendable {
    case both
    case inet4
    case inet6
  }

  package init() {}
}

/// The limits of local delivery (`limit mda` of the configuration).
package struct LocalLimits: Hashable, Sendable {
  package var sessionsMax = 50
  package var sessionsPerUserMax = 7
  package var tasksHigh = 50
  package var tasksLow = 30
  package var tasksRelease = 10
  /// How long a command may run; the supervisor keeps the time too.
  package var commandTime: Duration = .seconds(300)

  package init() {}
}
