// SPDX-License-Identifier: ISC

import Mail
import NIOCore
import NIOPosix
import Testing

@testable import Delivery

@Suite("Relays whose tables lookup has")
struct RelayTableTests {
  /// The bench with a server, and a relay that asks about these tables.
  private func bench(
    _ tables: RelayTables,
    _ server: ScriptedServer,
    _ change: (inout RelayAction) -> Void = { _ in }
  ) async throws -> ServiceBench {
    var settings = DeliverySettings()
    var action = RelayAction(helo: "me.example")
    action.tables = tables
    if tables.isDisjoint(with: [.hosts, .domains]) { action.hosts = [host(server)] }
    change(&action)
    settings.actions["relay"] = .relay(action)
    return try await ServiceBench(settings, on: MultiThreadedEventLoopGroup.singleton.next())
  }

  private func host(_ server: ScriptedServer) -> SmartHost {
    SmartHost(transport: .smtp, host: .address(.inet4(0x7f00_0001)), port: server.port)
  }

  /// What becomes of a task when its question is answered that way; the question is checked, too.
  private func outcome(
    _ bench: ServiceBench,
    domain: String,
    _ answer: RelayAnswer,
    recipients: [String] = ["bob"]
  ) async throws -> [DeliveryOutcome] {
    try await bench.run { $0.begin(ServiceBench.task(1, recipients: recipients)) }
    var outcomes: [DeliveryOutcome] = []
    var questions = 0
    try await bench.watch { effect in
      switch effect {
      case .askTables(let task, let action, let asked):
        questions += 1
        #expect((task, action, asked) == (1, "relay", domain))
        try await bench.run { $0.relayAnswered(task: task, answer) }
      case .report(let report):
        outcomes = report.outcomes.map(\.outcome)
        return true
      default: break
      }
      return false
    }
    #expect(questions == 1)
    return outcomes
  }

  private func isDelivered(_ outcomes: [DeliveryOutcome]) -> Bool {
    !outcomes.isEmpty
      && outcomes.allSatisfy { if case .delivered = $0 { true } else { false } }
  }

  @Test("the host that the table says for the domain")
  func domain() async throws {
    let server = try await ScriptedServer(.normal, on: MultiThreadedEventLoopGroup.singleton)
    let bench = try await bench(.domains, server)
    let answer = RelayAnswer.facts(host: host(server), sources: [], heloNames: [:])
    let outcomes = try await outcome(
      bench,
      domain: "example.net",
      answer,
      recipients: ["bob", "carl"]
    )
    #expect(isDelivered(outcomes))
    #expect(server.record.messages.count == 1)
    try await server.close()
  }

  @Test("the source that the table says, and the name at that address")
  func source() async throws {
    let server = try await ScriptedServer(.normal, on: MultiThreadedEventLoopGroup.singleton)
    let bench = try await bench([.hosts, .sources, .heloNames], server)
    let source = IPAddress.inet4(0x7f00_0001)
    let answer = RelayAnswer.facts(
      host: host(server),
      sources: [source],
      heloNames: [source: "one.example", .inet4(0x7f00_0002): "two.example"]
    )
    #expect(isDelivered(try await outcome(bench, domain: "", answer)))
    #expect(server.record.greetings == ["one.example"])
    try await server.close()
  }

  @Test("the name by the address that the system chose, and else the action's own")
  func name() async throws {
    for (address, name) in [(UInt32(1), "one.example"), (2, "me.example")] {
      let server = try await ScriptedServer(.normal, on: MultiThreadedEventLoopGroup.singleton)
      let bench = try await bench(.heloNames, server)
      let names = [IPAddress.inet4(0x7f00_0000 + address): "one.example"]
      let answer = RelayAnswer.facts(host: nil, sources: [], heloNames: names)
      #expect(isDelivered(try await outcome(bench, domain: "", answer)))
      #expect(server.record.greetings == [name])
      try await server.close()
    }
  }

  @Test("a table that does not say defers the mail")
  func refused() async throws {
    let server = try await ScriptedServer(.normal, on: MultiThreadedEventLoopGroup.singleton)
    let bench = try await bench(.domains, server)
    let outcomes = try await outcome(
      bench,
      domain: "example.net",
      .refused("Table d has no entry for example.net")
    )
    #expect(
      outcomes == [
        .temporary(
          EnhancedStatus(.temporary, 3, 5),
          "Table d has no entry for example.net"
        )
      ]
    )
    #expect(server.record.connections == 0)
    try await server.close()
  }

  @Test("an answer to a task that has ended is ignored")
  func late() async throws {
    let server = try await ScriptedServer(.normal, on: MultiThreadedEventLoopGroup.singleton)
    let bench = try await bench(.domains, server)
    _ = try await outcome(bench, domain: "example.net", .refused("no"))
    let answer = RelayAnswer.facts(host: host(server), sources: [], heloNames: [:])
    let open = try await bench.run { service in
      service.relayAnswered(task: 1, answer)
      return service.inFlight.count
    }
    #expect(open == 0)
    try await server.close()
  }
}
