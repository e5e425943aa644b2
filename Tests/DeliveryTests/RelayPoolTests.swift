// SPDX-License-Identifier: ISC

import DNS
import Mail
import Testing

@testable import Delivery

@Suite("The pool of relay sessions, in simulated time")
struct RelayPoolTests {
  private let smartHost = RelayKey(
    host: SmartHost(transport: .smtp, host: .address(.inet4(0x7f00_0001)), port: 2526),
    action: RelayAction(helo: "me.example"),
    named: "out"
  )

  private func domain(_ name: String, sources: [IPAddress] = []) -> RelayKey {
    var action = RelayAction(helo: "me.example")
    action.sources = sources
    return RelayKey(domain: name, port: 25, action: action)
  }

  private func name(_ text: String) throws -> DomainName { try #require(DomainName(text)) }

  @Test("the first task makes one connection, and gets it when it is ready")
  func firstTask() {
    var bench = RelayPoolBench()
    bench.begin(1...3, smartHost)
    #expect(bench.connections.count == 1)
    bench.ready(1)
    #expect(bench.running == [1: 1])
    #expect(bench.connections.count == 1)
  }

  @Test("a domain with limits of its own is held to them, and others to the common ones")
  func limitsOfADomain() {
    var bench = RelayPoolBench { settings in
      var narrow = RelayLimits()
      narrow.tasksHigh = 2
      settings.limitsByDomain["narrow.example"] = narrow
    }
    bench.begin(1...4, domain("wide.example"))
    #expect(bench.held.isEmpty)
    bench.begin(5...8, domain("narrow.example"))
    #expect(bench.held == [7, 8])
  }

  @Test("the next task follows at once, without a new connection")
  func handOver() {
    var bench = RelayPoolBench()
    bench.begin(1...2, smartHost)
    bench.ready(1)
    bench.done(1)
    #expect(bench.running[1] == 2)
  }

  @Test("a host that is never ready rests as long as its route, and says so with every task")
  func rests() {
    var bench = RelayPoolBench()
    bench.begin(1...60, smartHost)
    bench.end(1, .failed)
    #expect(bench.failed.count == 50 && bench.pauses.count == 50)
    #expect(Set(bench.pauses.values) == [.seconds(15)])
    #expect(bench.released == [.all])
    bench.pass(.seconds(5))
    bench.begin(61...61, smartHost)
    #expect(bench.failed[61] == .blocked && bench.pauses[61] == .seconds(10))
    #expect(bench.connections.count == 1)
  }

  @Test("a route in good standing gets its connections up to the limit, without a pause")
  func growth() {
    var bench = RelayPoolBench()
    bench.begin(1...50, smartHost)
    bench.ready(1)
    bench.done(1)
    #expect(bench.connections.count == 5)
    for session in UInt64(2)...5 { bench.ready(session) }
    #expect(Set(bench.running.values) == [2, 3, 4, 5, 6])
  }

  @Test("fifty tasks at a time, a thousand in all: nothing is lost or doubled")
  func throughput() {
    var bench = RelayPoolBench()
    var done = Set<UInt64>()
    var fresh = (UInt64(1)...1000).makeIterator()
    var waiting: [UInt64] = []
    for _ in 0..<60 { if let task = fresh.next() { bench.begin(task...task, smartHost) } }
    var readied = Set<UInt64>()
    for _ in 0..<20_000 where done.count < 1000 {
      for (session, _) in bench.connections where readied.insert(session).inserted {
        bench.ready(session)
      }
      for session in bench.quits { bench.end(session, .orderly) }
      bench.quits = []
      if let (session, task) = bench.running.min(by: { $0.key < $1.key }) {
        #expect(done.insert(task).inserted)
        bench.done(session)
      }
      for release in bench.released {
        let count = if case .some(let count) = release { count } else { Int.max }
        waiting += bench.held.prefix(count)
        bench.held.removeFirst(min(count, bench.held.count))
      }
      bench.released = []
      let again = waiting
      waiting = []
      for task in again { bench.begin(task...task, smartHost) }
      if bench.held.count < 100, let task = fresh.next() { bench.begin(task...task, smartHost) }
    }
    #expect(done.count == 1000)
    #expect(bench.failed.isEmpty)
    #expect(bench.connections.count >= 10)
  }

  @Test("a session ends after its number of mails")
  func mailsMax() {
    var bench = RelayPoolBench { $0.limits.sessionMailsMax = 2 }
    bench.begin(1...3, smartHost)
    bench.ready(1)
    bench.done(1)
    // Two connections suffice for the tasks that are left.
    let others = bench.connections.count
    bench.done(1)
    #expect(bench.quits == [1])
    bench.end(1, .orderly)
    #expect(bench.connections.count >= others)
    for (session, _) in bench.connections.dropFirst() { bench.ready(session) }
    #expect(bench.running.values.contains(3))
  }

  @Test("an idle session ends after the keep-alive time, not before")
  func keepAlive() {
    var bench = RelayPoolBench()
    bench.begin(1...1, smartHost)
    bench.ready(1)
    bench.done(1)
    bench.pass(.seconds(9))
    #expect(bench.quits == [])
    bench.begin(2...2, smartHost)
    #expect(bench.running == [1: 2])
    bench.done(1)
    bench.pass(.milliseconds(9999))
    #expect(bench.quits == [])
    bench.pass(.milliseconds(1))
    #expect(bench.quits == [1])
    bench.end(1, .orderly)
    #expect(bench.pool.sessionCount == 0)
  }

  @Test("a failing first connection fails the tasks and disables the route")
  func networkError() {
    var bench = RelayPoolBench()
    bench.begin(1...2, smartHost)
    bench.end(1, .failed)
    #expect(bench.failed == [1: .networkError, 2: .networkError])
    #expect(bench.log.contains("smtp-out: Disabling route [] <-> 127.0.0.1 for 15s"))
    bench.begin(3...3, smartHost)
    #expect(bench.failed[3] == .blocked)
    #expect(bench.connections.count == 1)
    bench.pass(.seconds(15))
    #expect(bench.log.contains("smtp-out: Enabling route [] <-> 127.0.0.1"))
    bench.begin(4...4, smartHost)
    #expect(bench.connections.count == 2)
  }

  @Test("a worse exchanger is used when the better one is out of use, not when it is busy")
  func preference() throws {
    var bench = RelayPoolBench()
    let zone: [DNSQuestion: DNSAnswer.Outcome] = [
      .mailExchangers(try name("example.org")): .records(
        .mailExchangers([
          MailExchangerRecord(preference: 10, exchange: try name("a.org")),
          MailExchangerRecord(preference: 20, exchange: try name("b.org")),
        ])
      ),
      .addresses(try name("a.org")): .records(.addresses([.inet4(1)])),
      .addresses(try name("b.org")): .records(.addresses([.inet4(2)])),
    ]
    bench.begin(1...20, domain("example.org"))
    bench.answer(zone)
    #expect(bench.connections.map { $0.1.route.endpoint } == [.inet(.inet4(1), port: 25)])
    bench.pass(.seconds(4))
    #expect(bench.connections.count == 1)
    bench.end(1, .failed)
    #expect(bench.failed.isEmpty)
    #expect(bench.connections.last?.1.route.endpoint == .inet(.inet4(2), port: 25))
    bench.ready(2)
    #expect(bench.running == [2: 1])
  }

  @Test("when every exchanger fails, the tasks do")
  func allFail() throws {
    var bench = RelayPoolBench()
    let zone: [DNSQuestion: DNSAnswer.Outcome] = [
      .mailExchangers(try name("example.org")): .noData,
      .addresses(try name("example.org")): .records(.addresses([.inet4(1), .inet4(2)])),
    ]
    bench.begin(1...1, domain("example.org"))
    bench.answer(zone)
    bench.end(1, .failed)
    // The default pause between two connections of an unproven relay.
    bench.pass(.seconds(2))
    bench.end(2, .failed)
    #expect(bench.failed == [1: .networkError])
  }

  @Test("a lookup that fails fails its tasks, and the next one is asked anew")
  func lookupFailure() throws {
    var bench = RelayPoolBench()
    bench.begin(1...2, domain("example.org"))
    #expect(bench.questions.count == 1)
    bench.answer([:])
    #expect(bench.failed == [1: .noDomain, 2: .noDomain])
    bench.begin(3...3, domain("example.org"))
    #expect(bench.questions.count == 1)
  }

  @Test("tasks beyond the high mark are held, and asked back at the low mark and at zero")
  func holding() {
    var bench = RelayPoolBench()
    bench.begin(1...75, smartHost)
    #expect(bench.held == Array(51...75))
    #expect(
      bench.log.filter { $0.contains("hiwat reached") }.count == 1
    )
    bench.ready(1)
    for _ in 0..<19 { bench.done(1) }
    #expect(bench.released == [.some(10)])
    for _ in 0..<30 { bench.done(1) }
    #expect(bench.released == [.some(10), .all])
  }

  @Test("a task that a closing session never began goes over another one")
  func returnedTask() {
    var bench = RelayPoolBench()
    bench.begin(1...1, smartHost)
    bench.ready(1)
    bench.done(1)
    bench.begin(2...2, smartHost)
    #expect(bench.running == [1: 2])
    bench.end(1, .orderly, returned: 2)
    #expect(bench.failed.isEmpty)
    #expect(bench.connections.count == 2)
    bench.ready(2)
    #expect(bench.running == [2: 2])
  }

  @Test("the connections to one host are limited across relays, and freed places are used")
  func hostLimit() throws {
    var bench = RelayPoolBench { $0.limits.connectionsPerHostMax = 1 }
    bench.begin(1...1, domain("[192.0.2.1]"))
    var other = RelayAction(helo: "other.example")
    other.sources = []
    bench.begin(2...2, RelayKey(domain: "[192.0.2.1]", port: 25, action: other))
    #expect(bench.connections.count == 1)
    bench.ready(1)
    bench.done(1)
    bench.end(1, .orderly)
    bench.pass(.seconds(10))
    #expect(bench.connections.count == 2)
    #expect(bench.connections.last?.1.relay.helo == "other.example")
  }

  @Test("sources are used in turn, and only for addresses of their family")
  func sources() throws {
    var bench = RelayPoolBench {
      $0.limits.connectionDelayPerRelay = .always(.zero)
      $0.limits.connectionsPerRouteMax = 1
    }
    let key = domain("[192.0.2.1]", sources: [.inet6(1, 1), .inet4(5), .inet4(6)])
    bench.begin(1...9, key)
    #expect(Set(bench.connections.map { $0.1.route.source }) == [.inet4(5), .inet4(6)])
    var six = RelayPoolBench()
    six.begin(1...1, domain("[192.0.2.1]", sources: [.inet6(1, 1)]))
    #expect(six.failed == [1: .familyMismatch])
  }

  @Test("everything is forgotten when nothing is left to do")
  func forgetting() {
    var bench = RelayPoolBench()
    for number in UInt64(1)...50 {
      let key = domain("[192.0.2.\(number)]")
      bench.begin(number...number, key)
    }
    for (session, _) in bench.connections {
      bench.ready(session)
      bench.done(session)
    }
    bench.pass(.seconds(11))
    for session in bench.quits { bench.end(session, .orderly) }
    bench.pass(.seconds(7200))
    #expect(bench.pool.index.isEmpty)
    #expect(bench.pool.routes.isEmpty)
    #expect(bench.pool.uses.isEmpty)
    #expect(bench.pool.connectors.isEmpty)
    #expect(bench.pool.nextDeadline == nil)
  }

  @Test("a pause between transactions is kept")
  func transactionDelay() {
    var bench = RelayPoolBench { $0.limits.sessionTransactionDelay = .seconds(2) }
    bench.begin(1...2, smartHost)
    bench.ready(1)
    bench.done(1)
    #expect(bench.running[1] == nil)
    bench.pass(.seconds(2))
    #expect(bench.running[1] == 2)
  }
}
