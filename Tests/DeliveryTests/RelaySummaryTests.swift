// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Delivery

@Suite("What operators see of the relays")
struct RelaySummaryTests {
  private let now = Instant(seconds: 1000)
  private let host = RelayKey(
    host: SmartHost(transport: .smtp, host: .address(.inet4(0x7f00_0001)), port: 2526),
    action: RelayAction(helo: "me.example"),
    named: "out"
  )

  private func pool(_ change: (inout RelayLimits) -> Void = { _ in }) -> RelayPool {
    var settings = RelayPool.Settings()
    change(&settings.limits)
    return RelayPool(settings, seed: 7)
  }

  @Test("tasks that wait, connections of every state, and what keeps more of them from being made")
  func connecting() throws {
    var pool = pool()
    for task in 1...3 { _ = pool.begin(task: UInt64(task), for: host, at: now) }
    let first = try #require(pool.summaries(at: now).first)
    #expect(first.key == host)
    #expect((first.tasks, first.references, first.use.connections) == (3, 4, 1))
    #expect(first.connectors.map(\.source) == [nil])
    #expect(first.connectors.map(\.use.connections) == [1])
    // Nobody knows yet whether the host answers: one connection tries.
    #expect(first.connectors.map(\.obstacles) == [[.route]])
    #expect(first.isLimited && !first.isAsking && !first.isHolding)
    _ = pool.sessionReady(1, at: now)
    let second = try #require(pool.summaries(at: now).first)
    #expect(second.tasks == 2)
    #expect(second.connectors.map(\.obstacles) == [[]])
    // Its task has gone with it, and the others wait for the next one.
    _ = pool.sessionEnded(1, .interrupted, at: now)
    #expect(try #require(pool.summaries(at: now).first).tasks == 2)
  }

  @Test("so many there are of each kind, and a session counts as running while it has a task")
  func counts() {
    var pool = pool()
    #expect(
      pool.counts
        == RelayPool.Counts(
          relays: 0,
          connectors: 0,
          routes: 0,
          hosts: 0,
          sources: 0,
          domains: 0,
          sessions: 0,
          busy: 0
        )
    )
    for task in 1...2 { _ = pool.begin(task: UInt64(task), for: host, at: now) }
    #expect((pool.counts.relays, pool.counts.sessions, pool.counts.busy) == (1, 1, 0))
    _ = pool.sessionReady(1, at: now)
    let counts = pool.counts
    #expect(counts.busy == 1 && counts.sessions >= 1)
    #expect((counts.connectors, counts.routes, counts.hosts) == (1, 1, 1))
    #expect((counts.sources, counts.domains) == (1, 1))
  }

  @Test("limits and pauses are told by their names, and so is a question to the resolver")
  func obstacles() throws {
    var pool = pool {
      $0.connectionsPerRelayMax = 1
      $0.connectionsPerDomainMax = 1
      $0.connectionDelayPerConnector = .always(.seconds(9))
    }
    _ = pool.begin(task: 1, for: host, at: now)
    let domain = RelayKey(domain: "example.org", port: 25, action: RelayAction(helo: "me.example"))
    _ = pool.begin(task: 2, for: domain, at: now)
    let found = pool.summaries(at: now + .seconds(2))
    #expect(found.map(\.key) == [host, domain])
    #expect(found[0].connectors.map(\.obstacles) == [[.relay, .domain, .route]])
    #expect(found[0].connectors.map(\.pause) == [now + .seconds(9)])
    #expect(found[1].isAsking)
    #expect((found[1].tasks, found[1].use.connections) == (1, 0))
    #expect(found[1].use.lastConnection == nil)
  }

  @Test("tasks that are left to the queue are told")
  func holding() throws {
    var pool = pool {
      $0.tasksHigh = 2
      $0.tasksLow = 1
    }
    for task in 1...3 { _ = pool.begin(task: UInt64(task), for: host, at: now) }
    #expect(try #require(pool.summaries(at: now).first).isHolding)
  }
}
