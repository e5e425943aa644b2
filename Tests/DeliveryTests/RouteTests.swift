// SPDX-License-Identifier: ISC

import DNS
import Mail
import Testing

@testable import Delivery

@Suite("A route's permission, penalty and pauses")
struct RouteTests {
  private let limits = RelayLimits()
  private let start = Instant(seconds: 1000)

  @Test(
    "the pause is 15 seconds times the square of the penalty, at most an hour",
    arguments: [(1, 15), (2, 60), (3, 135), (15, 3375), (16, 3600), (1000, 3600)]
  )
  func pause(_ penalty: Int, _ seconds: Int64) {
    #expect(Route.pause(penalty: penalty).wholeSeconds == seconds)
  }

  @Test("a new route gets one connection until it has proved itself")
  func newRoute() {
    var route = Route()
    #expect(route.permission(limits, at: start) == .allowed)
    route.connecting(at: start)
    #expect(route.permission(limits, at: start + .seconds(60)) == .busy)
    route.proved()
    #expect(route.permission(limits, at: start) == .notBefore(start + .seconds(5)))
    #expect(route.permission(limits, at: start + .seconds(5)) == .allowed)
  }

  @Test("a route in good standing is not slowed down by a default, but by an operator's word")
  func standing() {
    var route = Route()
    route.connecting(at: start)
    route.proved()
    route.accepted()
    #expect(route.permission(limits, at: start) == .allowed)
    var strict = limits
    strict.connectionDelayPerRoute = .always(.seconds(7))
    #expect(route.permission(strict, at: start) == .notBefore(start + .seconds(7)))
  }

  @Test("the connections of a route are limited")
  func limit() {
    var route = Route()
    for _ in 0..<5 { route.connecting(at: start) }
    route.proved()
    route.accepted()
    #expect(route.permission(limits, at: start) == .busy)
    _ = route.ended(.orderly, at: start)
    #expect(route.permission(limits, at: start) == .allowed)
  }

  @Test("a first connection that fails disables the route; each time for longer")
  func disabling() {
    var route = Route()
    var now = start
    for (penalty, pause) in [(1, 15), (1, 15), (1, 15)] {
      route.connecting(at: now)
      let disabled = route.ended(.failed, at: now)
      #expect(disabled == .seconds(pause))
      #expect(route.penalty == penalty)
      #expect(route.permission(limits, at: now) == .disabled(until: now + .seconds(pause)))
      now = now + .seconds(pause)
      let enabled = route.decayed(at: now)
      #expect(enabled)
    }
    // Two failures without a pause between them.
    route.connecting(at: now + .seconds(3))
    _ = route.ended(.failed, at: now + .seconds(3))
    _ = route.disable(adding: 1, at: now + .seconds(3))
    #expect(route.penalty == 2)
    let decay = route.decay
    #expect(decay == now + .seconds(63))
    let isBack = route.decayed(at: now + .seconds(63))
    #expect(isBack)
    #expect(route.isNew && route.penalty == 1)
    #expect(!route.isForgettable(since: now + .seconds(9999)))
    let isBackAgain = route.decayed(at: now + .seconds(78))
    #expect(!isBackAgain)
    #expect(route.isForgettable(since: now + .seconds(9999)))
  }

  @Test("a proven route that is interrupted is slowed down, not disabled")
  func interruption() {
    var route = Route()
    route.connecting(at: start)
    route.proved()
    route.accepted()
    let pause = route.ended(.interrupted, at: start + .seconds(9))
    #expect(pause == nil)
    #expect(route.permission(limits, at: start + .seconds(9)) == .notBefore(start + .seconds(12)))
  }

  @Test("a server is named as a delivery status names it")
  func peerName() throws {
    let relay = RelayKey(domain: "example.com", port: 25, action: RelayAction(helo: "me"))
    let address = IPAddress.inet6(0x2001_0db8_0000_0000, 1)
    for (endpoint, name, expected) in [
      (RelayEndpoint.inet(address, port: 25), "mx1.example.com", "mx1.example.com"),
      (.inet(address, port: 25), nil, "[IPv6:2001:db8::1]"),
      (.inet(.inet4(0xc000_0201), port: 2525), nil, "[192.0.2.1]"),
      (.local(path: "/run/lmtp"), nil, ""),
    ] {
      let connection = RelayConnection(
        relay: relay,
        route: RouteKey(source: nil, endpoint: endpoint),
        name: try name.map { try #require(DomainName($0)) }
      )
      #expect(connection.peerName == expected)
    }
  }
}
