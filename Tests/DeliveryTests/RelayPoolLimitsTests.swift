// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Delivery

@Suite("The limits of relaying, and the pauses between connections")
struct RelayPoolLimitsTests {
  /// What connections can have in common.
  enum Share: CaseIterable, Hashable {
    case host
    case route
    case source
    case connector
    case relay
    case domain

    /// Those of which several relays have one in common.
    static let amongRelays: [Share] = [.host, .source, .domain]

    /// The same for connections that share in it.
    func group(of connection: RelayConnection) -> String {
      let (relay, route) = (connection.relay, connection.route)
      return switch self {
      case .host: "\(route.endpoint)"
      case .route: "\(route)"
      case .source: "\(String(describing: route.source))"
      case .connector: "\(relay) from \(String(describing: route.source))"
      case .relay: "\(relay)"
      case .domain: relay.domain
      }
    }

    var maximum: WritableKeyPath<RelayLimits, Int> {
      switch self {
      case .host: \.connectionsPerHostMax
      case .route: \.connectionsPerRouteMax
      case .source: \.connectionsPerSourceMax
      case .connector: \.connectionsPerConnectorMax
      case .relay: \.connectionsPerRelayMax
      case .domain: \.connectionsPerDomainMax
      }
    }

    var delay: WritableKeyPath<RelayLimits, ConnectionDelay> {
      switch self {
      case .host: \.connectionDelayPerHost
      case .route: \.connectionDelayPerRoute
      case .source: \.connectionDelayPerSource
      case .connector: \.connectionDelayPerConnector
      case .relay: \.connectionDelayPerRelay
      case .domain: \.connectionDelayPerDomain
      }
    }
  }

  /// Three relays: two to one domain, and two sources for all of them.
  private let relays: [RelayKey] = [
    ("[192.0.2.1]", "me.example"), ("[192.0.2.1]", "other.example"), ("[192.0.2.2]", "me.example"),
  ].map { domain, helo in
    var action = RelayAction(helo: helo)
    action.sources = [.inet4(5), .inet4(6)]
    return RelayKey(domain: domain, port: 25, action: action)
  }

  /// Nothing is limited but what `change` says.
  private func bench(_ change: (inout RelayLimits) -> Void = { _ in }) -> RelayPoolBench {
    RelayPoolBench { settings in
      settings.limits.tasksHigh = 1000
      for share in Share.allCases {
        settings.limits[keyPath: share.maximum] = 1000
        settings.limits[keyPath: share.delay] = .always(.zero)
      }
      settings.limits.reconnectionDelayPerRoute = .always(.zero)
      change(&settings.limits)
    }
  }

  /// Every session is ready at once, and so are those that come of it.
  private func readyAll(_ bench: inout RelayPoolBench, _ readied: inout Int) {
    while readied < bench.connections.count {
      readied += 1
      bench.ready(bench.connections[readied - 1].session)
    }
  }

  private func counts(_ bench: RelayPoolBench, _ share: Share) -> [String: Int] {
    Dictionary(bench.connections.map { (share.group(of: $0.1), 1) }, uniquingKeysWith: +)
  }

  @Test("so many connections there may be, and as many there are", arguments: Share.allCases)
  func maximum(of share: Share) throws {
    var (limited, free) = (bench { $0[keyPath: share.maximum] = 2 }, bench())
    for (number, relay) in relays.enumerated() {
      let first = UInt64(number * 60 + 1)
      limited.begin(first...first + 59, relay)
      free.begin(first...first + 59, relay)
    }
    var (readied, others) = (0, 0)
    readyAll(&limited, &readied)
    readyAll(&free, &others)
    #expect(counts(limited, share).values.allSatisfy { $0 == 2 }, "\(counts(limited, share))")
    #expect(counts(free, share).values.contains { $0 > 2 }, "\(counts(free, share))")
    // A place that becomes free is used, and nothing else.
    let (first, connection) = try #require(limited.connections.first)
    limited.end(first, .orderly)
    readyAll(&limited, &readied)
    var expected = counts(limited, share).mapValues { _ in 2 }
    expected[share.group(of: connection)] = 3
    #expect(counts(limited, share) == expected)
  }

  @Test(
    "a place that a relay leaves is another one's that waits for it",
    arguments: Share.amongRelays
  )
  func freedPlace(of share: Share) throws {
    var bench = bench { $0[keyPath: share.maximum] = 1 }
    let waiting = try #require(share == .source ? relays.last : relays.dropFirst().first)
    for (task, relay) in [(UInt64(1), relays[0]), (2, relays[0]), (3, waiting), (4, waiting)] {
      bench.begin(task...task, relay)
    }
    var readied = 0
    readyAll(&bench, &readied)
    #expect(bench.connections.allSatisfy { $0.1.relay == relays[0] })
    for (session, _) in bench.connections {
      while bench.running[session] != nil { bench.done(session) }
    }
    for (session, _) in bench.connections { bench.end(session, .orderly) }
    #expect(bench.connections.last?.1.relay == waiting)
  }

  @Test("a pause is kept between two connections, and no longer", arguments: Share.allCases)
  func pause(of share: Share) {
    var bench = bench { $0[keyPath: share.delay] = .always(.seconds(7)) }
    for (number, relay) in relays.enumerated() {
      let first = UInt64(number * 60 + 1)
      bench.begin(first...first + 59, relay)
    }
    var readied = 0
    for _ in 0..<30 {
      readyAll(&bench, &readied)
      // What the host takes does not shorten a pause that an operator chose.
      for session in bench.running.keys.sorted() { bench.done(session) }
      bench.pass(.seconds(1))
    }
    var moments: [String: [Instant]] = [:]
    for ((_, connection), start) in zip(bench.connections, bench.starts) {
      moments[share.group(of: connection), default: []].append(start)
    }
    for (group, starts) in moments {
      let pauses = zip(starts, starts.dropFirst()).map { $1 - $0 }
      #expect(pauses.allSatisfy { $0 >= .seconds(7) }, "\(group): \(pauses)")
    }
    #expect(moments.values.contains { $0.count > 1 && $0[1] - $0[0] == .seconds(7) }, "\(moments)")
  }
}
