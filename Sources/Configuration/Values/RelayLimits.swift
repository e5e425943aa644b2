// SPDX-License-Identifier: ISC

internal import Mail

/// `mta limit`: what delivery to other hosts may use at a time.
package struct RelayLimits: Hashable, Sendable {
  /// Which addresses of a host are tried.
  package enum Family: UInt8, Sendable {
    case any = 0
    case inet4 = 4
    case inet6 = 6
  }

  package var family = Family.any
  package var connectionsPerHostMax = 10
  package var connectionsPerRouteMax = 5
  package var connectionsPerSourceMax = 100
  package var connectionsPerConnectorMax = 20
  package var connectionsPerRelayMax = 100
  package var connectionsPerDomainMax = 100
  package var connectionDelayHost = Duration.zero
  package var connectionDelayRoute = Duration.seconds(5)
  package var connectionDelaySource = Duration.zero
  package var connectionDelayConnector = Duration.zero
  package var connectionDelayRelay = Duration.seconds(2)
  package var connectionDelayDomain = Duration.zero
  package var reconnectionDelayRoute = Duration.seconds(3)
  package var sessionMailsMax = 100
  package var sessionTransactionDelay = Duration.zero
  package var sessionKeepAlive = Duration.seconds(10)
  package var sessionFailuresMax = 25
  /// At so many tasks of a relay new envelopes are held.
  package var tasksHigh = 50
  /// At so few the held ones are asked back.
  package var tasksLow = 30
  /// So many are asked back at a time.
  package var tasksRelease = 10

  package init() {}
}

extension RelayLimits {
  /// A limit that is a number or a time in seconds, by its word in the configuration.
  package enum Key: String, CaseIterable, Sendable {
    case connectionsPerHostMax = "max-conn-per-host"
    case connectionsPerRouteMax = "max-conn-per-route"
    case connectionsPerSourceMax = "max-conn-per-source"
    case connectionsPerConnectorMax = "max-conn-per-connector"
    case connectionsPerRelayMax = "max-conn-per-relay"
    case connectionsPerDomainMax = "max-conn-per-domain"
    case connectionDelayHost = "conn-delay-host"
    case connectionDelayRoute = "conn-delay-route"
    case connectionDelaySource = "conn-delay-source"
    case connectionDelayConnector = "conn-delay-connector"
    case connectionDelayRelay = "conn-delay-relay"
    case connectionDelayDomain = "conn-delay-domain"
    case reconnectionDelayRoute = "reconn-delay-route"
    case sessionMailsMax = "session-mail-max"
    case sessionTransactionDelay = "session-transaction-delay"
    case sessionKeepAlive = "session-keepalive"
    case sessionFailuresMax = "max-failures-per-session"
    case tasksHigh = "task-hiwat"
    case tasksLow = "task-lowat"
    case tasksRelease = "task-release"
  }

  /// The number behind a key; delays in seconds.
  package subscript(key: Key) -> Int {
    get {
      switch RelayLimits.field(key) {
      case .count(let path): self[keyPath: path]
      case .delay(let path): Int(clamping: self[keyPath: path].wholeSeconds)
      }
    }
    set {
      switch RelayLimits.field(key) {
      case .count(let path): self[keyPath: path] = newValue
      case .delay(let path): self[keyPath: path] = .seconds(newValue)
      }
    }
  }

  private enum Field {
    case count(WritableKeyPath<RelayLimits, Int>)
    case delay(WritableKeyPath<RelayLimits, Duration>)
  }

  private static func field(_ key: Key) -> Field {
    switch key {
    case .connectionsPerHostMax: .count(\.connectionsPerHostMax)
    case .connectionsPerRouteMax: .count(\.connectionsPerRouteMax)
    case .connectionsPerSourceMax: .count(\.connectionsPerSourceMax)
    case .connectionsPerConnectorMax: .count(\.connectionsPerConnectorMax)
    case .connectionsPerRelayMax: .count(\.connectionsPerRelayMax)
    case .connectionsPerDomainMax: .count(\.connectionsPerDomainMax)
    case .connectionDelayHost: .delay(\.connectionDelayHost)
    case .connectionDelayRoute: .delay(\.connectionDelayRoute)
    case .connectionDelaySource: .delay(\.connectionDelaySource)
    case .connectionDelayConnector: .delay(\.connectionDelayConnector)
    case .connectionDelayRelay: .delay(\.connectionDelayRelay)
    case .connectionDelayDomain: .delay(\.connectionDelayDomain)
    case .reconnectionDelayRoute: .delay(\.reconnectionDelayRoute)
    case .sessionMailsMax: .count(\.sessionMailsMax)
    case .sessionTransactionDelay: .delay(\.sessionTransactionDelay)
    case .sessionKeepAlive: .delay(\.sessionKeepAlive)
    case .sessionFailuresMax: .count(\.sessionFailuresMax)
    case .tasksHigh: .count(\.tasksHigh)
    case .tasksLow: .count(\.tasksLow)
    case .tasksRelease: .count(\.tasksRelease)
    }
  }
}
