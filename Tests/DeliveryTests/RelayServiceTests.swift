// SPDX-License-Identifier: ISC

import DNS
import Mail
import NIOCore
import NIOPosix
import Testing

@testable import Delivery

@Suite("Relaying over real sockets")
struct RelayServiceTests {
  private func settings(
    _ port: UInt16,
    transport: RelayTransport = .smtp
  ) -> DeliverySettings {
    var settings = DeliverySettings()
    var action = RelayAction(helo: "me.example")
    action.hosts = [
      SmartHost(transport: transport, host: .address(.inet4(0x7f00_0001)), port: port)
    ]
    settings.actions["relay"] = .relay(action)
    return settings
  }

  /// What a server with this behaviour makes of one task.
  private func outcome(
    _ behaviour: ScriptedServer.Behaviour,
    _ change: (inout DeliverySettings) -> Void = { _ in }
  ) async throws -> (DeliveryOutcome?, ScriptedServer.Record) {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(behaviour, on: group)
    var settings = settings(server.port)
    change(&settings)
    let bench = try await ServiceBench(settings, on: group.next())
    try await bench.run { $0.begin(ServiceBench.task(1)) }
    let reports = try await bench.reports(1)
    try await server.close()
    return (reports[1]?.first, server.record)
  }

  @Test("a message arrives as it is stored, with its dots")
  func delivery() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    for behaviour in [ScriptedServer.Behaviour.normal, .withoutPipelining] {
      let server = try await ScriptedServer(behaviour, on: group)
      let bench = try await ServiceBench(settings(server.port), on: group.next())
      let body = "Subject: dots\n\n.\n..\n.x\nno end"
      try await bench.run {
        $0.begin(ServiceBench.task(1, body: body, recipients: ["bob", "carl"]))
      }
      let reports = try await bench.reports(1)
      #expect(
        reports[1]
          == Array(
            repeating: .delivered(
              text: "250 2.0.0 Taken",
              relay: "127.0.0.1 (<unknown>)",
              support: .promised
            ),
            count: 2
          )
      )
      let record = server.record
      #expect(record.messages == ["Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nno end\r\n"])
      #expect(record.recipients.count == 2)
      #expect(record.dotsAlone == 0)
      try await server.close()
    }
  }

  @Test("a host is logged by its address until the name that it leads back to is known")
  func pointer() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.normal, on: group)
    var settings = settings(server.port)
    let host = RelayHost.name(try #require(DomainName("mx.example")))
    for name in ["relay", "other"] {
      var action = RelayAction(helo: "\(name).example")
      action.hosts = [SmartHost(transport: .smtp, host: host, port: server.port)]
      settings.actions[name] = .relay(action)
    }
    let bench = try await ServiceBench(settings, on: group.next())
    let names = DNSAnswer(.records(.names([try #require(DomainName("pointer.example"))])))
    let addresses = DNSAnswer(.records(.addresses([.inet4(0x7f00_0001)])))
    var hosts: [String] = []
    for (task, action) in [(UInt64(1), "relay"), (2, "other")] {
      try await bench.run { $0.begin(ServiceBench.task(task, action: action)) }
      try await bench.watch { effect in
        switch effect {
        case .log(let line):
          guard let place = line.firstRange(of: "mta connecting address=") else { return false }
          hosts.append(String(line[place.upperBound...]))
        case .resolve(.pointer(let address)):
          try await bench.run { $0.answered(.pointer(address), names) }
        case .resolve(let question): try await bench.run { $0.answered(question, addresses) }
        case .report: return true
        default: break
        }
        return false
      }
    }
    let address = "smtp://127.0.0.1:\(server.port)"
    #expect(hosts == ["\(address) host=127.0.0.1", "\(address) host=pointer.example"])
    try await server.close()
  }

  @Test("many messages share a few connections")
  func reuse() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.normal, on: group)
    var settings = settings(server.port)
    settings.relayLimits.tasksHigh = 10_000
    let bench = try await ServiceBench(settings, on: group.next())
    try await bench.run { service in
      for number in UInt64(1)...450 { service.begin(ServiceBench.task(number)) }
    }
    let reports = try await bench.reports(450)
    #expect(
      reports.values.allSatisfy { if case .delivered = $0[0] { true } else { false } }
    )
    #expect(server.record.messages.count == 450)
    #expect(5...12 ~= server.record.connections)
    let unacknowledged = try await bench.run { $0.unacknowledged.count }
    #expect(unacknowledged == 450)
    let left = try await bench.run { service in
      service.acknowledged(Array(1...450))
      return service.unacknowledged.count + service.inFlight.count
    }
    #expect(left == 0)
    try await server.close()
  }

  @Test("a server that drops the connection anywhere causes a temporary failure")
  func drops() async throws {
    for stage in ScriptedServer.Stage.allCases {
      let (outcome, record) = try await outcome(.drop(stage))
      guard case .temporary = outcome else {
        Issue.record("\(stage): \(String(describing: outcome))")
        continue
      }
      #expect(record.messages.isEmpty)
    }
  }

  @Test("a server that says 421 anywhere causes a temporary failure")
  func goodbyes() async throws {
    for stage in ScriptedServer.Stage.allCases {
      let (outcome, _) = try await outcome(.reply(stage, "421 4.3.2 Going away"))
      guard case .temporary = outcome else {
        Issue.record("\(stage): \(String(describing: outcome))")
        continue
      }
    }
  }

  @Test("a refusal with 5xx is permanent, one with 4xx temporary")
  func refusals() async throws {
    for stage in [ScriptedServer.Stage.mail, .recipient, .data, .dot] {
      let (permanent, _) = try await outcome(.reply(stage, "550 5.7.1 No"))
      #expect(
        permanent == .permanent(EnhancedStatus(.permanent, 7, 1), "550 5.7.1 No"),
        "\(stage)"
      )
      let (temporary, _) = try await outcome(.reply(stage, "451 4.7.1 Later"))
      #expect(
        temporary == .temporary(EnhancedStatus(.temporary, 7, 1), "451 4.7.1 Later"),
        "\(stage)"
      )
    }
  }

  @Test("nonsense and endless output end the session, not the service")
  func nonsense() async throws {
    for behaviour in [
      ScriptedServer.Behaviour.reply(.greeting, "hello there"), .reply(.mail, "2"),
      .reply(.recipient, "999 what"), .endlessLine, .endlessReply,
    ] {
      let (outcome, _) = try await outcome(behaviour)
      guard case .temporary = outcome else {
        Issue.record("\(behaviour): \(String(describing: outcome))")
        continue
      }
    }
  }

  @Test("a server that says nothing meets the deadline in every state")
  func silence() async throws {
    for stage in ScriptedServer.Stage.allCases where stage != .dot {
      let (outcome, _) = try await outcome(.silence(stage)) {
        $0.peerTimeout = .milliseconds(30)
      }
      guard case .temporary = outcome else {
        Issue.record("\(stage): \(String(describing: outcome))")
        continue
      }
    }
  }

  @Test(
    "while a host greets and is then silent others get theirs; it is given up in time, and told"
  )
  func silentBehindTheGreeting() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let silent = try await ScriptedServer(.silence(.ehlo), on: group)
    let other = try await ScriptedServer(.normal, on: group)
    var settings = settings(silent.port)
    settings.actions["other"] = self.settings(other.port).actions["relay"]
    settings.peerTimeout = .seconds(1)
    let bench = try await ServiceBench(settings, on: group.next())
    try await bench.run { service in
      service.begin(ServiceBench.task(1))
      service.begin(ServiceBench.task(2, action: "other"))
    }
    var ended: [UInt64] = []
    var outcomes: [UInt64: DeliveryOutcome] = [:]
    var lines: [String] = []
    var rest: Duration?
    try await bench.watch { effect in
      switch effect {
      case .log(let line): lines.append(line)
      case .destinationRests(1, let pause): rest = pause
      case .report(let report):
        ended.append(report.task)
        outcomes[report.task] = report.outcomes[0].outcome
      default: break
      }
      return ended.count == 2
    }
    #expect(ended == [2, 1])
    guard case .delivered = outcomes[2] else {
      Issue.record("the other: \(String(describing: outcomes[2]))")
      return
    }
    #expect(
      outcomes[1]
        == .temporary(EnhancedStatus(.temporary, 4, 1), "Network error on destination MXs")
    )
    #expect(lines.contains { $0.hasSuffix(" mta error reason=Connection timeout") }, "\(lines)")
    #expect(rest == .seconds(15))
    try await silent.close()
    try await other.close()
  }

  @Test("a refused connection is a network error, and the next task is blocked")
  func refusedConnection() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.normal, on: group)
    try await server.close()
    let bench = try await ServiceBench(settings(server.port), on: group.next())
    try await bench.run { $0.begin(ServiceBench.task(1)) }
    let first = try await bench.reports(1)
    #expect(
      first[1] == [.temporary(EnhancedStatus(.temporary, 4, 1), "Network error on destination MXs")]
    )
    try await bench.run { $0.begin(ServiceBench.task(2)) }
    let second = try await bench.reports(1)
    #expect(
      second[2] == [
        .temporary(EnhancedStatus(.temporary, 4, 1), "All routes to destination blocked")
      ]
    )
  }

  @Test("a task that meets a closing connection goes over another one")
  func closedWhenReused() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.closeWhenReused, on: group)
    let bench = try await ServiceBench(settings(server.port), on: group.next())
    for number in UInt64(1)...3 {
      try await bench.run { $0.begin(ServiceBench.task(number)) }
      let reports = try await bench.reports(1)
      guard case .delivered = reports[number]?.first else {
        Issue.record("\(reports)")
        continue
      }
    }
    #expect(server.record.connections == 3)
    try await server.close()
  }

  @Test("a large body comes in pieces, within the credit")
  func largeBody() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.normal, on: group)
    var settings = settings(server.port)
    settings.bodyWindow = 1000
    let bench = try await ServiceBench(settings, on: group.next())
    let text = "Subject: large\n\n" + String(repeating: "0123456789abcde\n", count: 1000)
    let bytes = Array(text.utf8)
    try await bench.run { $0.begin(ServiceBench.task(1, body: text, inline: false)) }
    var sent = 0
    var largest = 0
    try await bench.watch { effect in
      switch effect {
      case .grantBody(1, let count):
        largest = max(largest, count)
        let piece = Array(bytes[sent..<min(sent + count, bytes.count)])
        sent += piece.count
        let isLast = sent == bytes.count
        try await bench.run { service in
          service.bodyArrived(task: 1, ByteBuffer(bytes: piece))
          if isLast { service.bodyEnded(task: 1) }
        }
        return false
      case .report(let report):
        guard case .delivered = report.outcomes[0].outcome else {
          Issue.record("\(report)")
          return true
        }
        return true
      default: return false
      }
    }
    #expect(largest <= 1000)
    #expect(server.record.messages.first?.utf8.count == bytes.count + 1002)
    try await server.close()
  }

  @Test("a body that fails, is short, or whose queue is lost is never delivered")
  func brokenBodies() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    for way in 0..<3 {
      let server = try await ScriptedServer(.normal, on: group)
      let bench = try await ServiceBench(settings(server.port), on: group.next())
      try await bench.run { $0.begin(ServiceBench.task(1, inline: false)) }
      try await bench.watch { if case .grantBody = $0 { true } else { false } }
      try await bench.run { service in
        service.bodyArrived(task: 1, ByteBuffer(string: "Subject: t"))
        switch way {
        case 0: service.bodyFailed(task: 1, reason: "disk\nerror")
        case 1: service.bodyEnded(task: 1)
        default: service.queueLost()
        }
      }
      let reports = try await bench.reports(1)
      guard case .temporary(_, let text) = reports[1]?.first else {
        Issue.record("\(reports)")
        continue
      }
      #expect(!text.contains("\n"))
      #expect(server.record.messages.isEmpty)
      try await server.close()
    }
  }

  @Test(
    "a body that would be asked for while there is no queue fails; one that comes later is asked for"
  )
  func noQueue() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.normal, on: group)
    let bench = try await ServiceBench(settings(server.port), on: group.next())
    try await bench.run { service in
      service.begin(ServiceBench.task(1, inline: false))
      service.queueLost()
    }
    let reports = try await bench.reports(1)
    #expect(
      reports[1] == [.temporary(EnhancedStatus(.temporary, 3, 0), "The queue is restarting")]
    )
    try await bench.run { service in
      service.queueReplaced()
      service.begin(ServiceBench.task(2, inline: false))
    }
    try await bench.watch { if case .grantBody(2, _) = $0 { true } else { false } }
    #expect(server.record.messages.isEmpty)
    try await server.close()
  }

  @Test("what cannot be tried is deferred with its reason")
  func deferred() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    var settings = settings(1, transport: .smtpNoTLS)
    if case .relay(var action)? = settings.actions["relay"] {
      action.security.encryption = .required
      settings.actions["relay"] = .relay(action)
    }
    let bench = try await ServiceBench(settings, on: group.next())
    try await bench.run { service in
      service.begin(ServiceBench.task(1))
      service.begin(ServiceBench.task(2, action: "gone"))
    }
    let reports = try await bench.reports(2)
    let text = "TLS required but forbidden by smtp+notls://"
    #expect(reports[1] == [.temporary(EnhancedStatus(.temporary, 7, 0), text)])
    #expect(reports[2] == [.temporary(nil, "Action gone is not in the configuration")])
  }
}
