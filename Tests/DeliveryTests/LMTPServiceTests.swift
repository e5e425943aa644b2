// SPDX-License-Identifier: ISC

import Glibc
import Mail
import NIOCore
import NIOPosix
import Testing

@testable import Delivery

@Suite("Local deliveries over LMTP")
struct LMTPServiceTests {
  private static let kind = Envelope.Kind.local(LocalDelivery(user: "bob"))

  private func settings(
    _ host: RelayHost = .address(.inet4(0x7f00_0001)),
    port: UInt16 = 0,
    _ recipient: LMTPAction.Recipient = .user
  ) -> DeliverySettings {
    var settings = DeliverySettings()
    settings.actions["local"] = .lmtp(
      LMTPAction(host: host, port: port, recipient: recipient, helo: "me.example")
    )
    return settings
  }

  @Test("each recipient of one message has the status that the server gives, over one connection")
  func perRecipient() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(
      .afterDot(["250 2.1.5 kept", "452 4.2.2 over quota", "552 5.2.2 too big"]),
      on: group
    )
    let bench = try await ServiceBench(settings(port: server.port), on: group.next())
    for number in UInt64(1)...2 {
      try await bench.run {
        $0.begin(
          ServiceBench.task(
            number,
            kind: Self.kind,
            action: "local",
            recipients: ["bob", "carl", "dora"]
          )
        )
      }
      let outcomes = try await bench.reports(1)[number] ?? []
      try #require(outcomes.count == 3)
      #expect(
        outcomes[0] == .delivered(text: "Delivered", relay: nil, support: .none),
        "\(outcomes[0])"
      )
      guard case .temporary(EnhancedStatus(.temporary, 2, 2)?, _) = outcomes[1],
        case .permanent(EnhancedStatus(.permanent, 2, 2)?, _) = outcomes[2]
      else {
        Issue.record("\(outcomes)")
        continue
      }
    }
    #expect(server.record.connections == 1)
    #expect(server.record.recipients.allSatisfy { $0 == "RCPT TO:<bob>" })
    #expect(server.record.messages.count == 2)
    try await server.close()
  }

  @Test("rcpt-to names the address")
  func address() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.afterDot(["250 2.1.5 kept"]), on: group)
    let settings = settings(port: server.port, .address)
    let bench = try await ServiceBench(settings, on: group.next())
    try await bench.run {
      $0.begin(ServiceBench.task(1, kind: Self.kind, action: "local"))
    }
    _ = try await bench.reports(1)
    #expect(server.record.recipients == ["RCPT TO:<bob@example.net>"])
    try await server.close()
  }

  @Test(
    "who had the message before does not get it again, the others do",
    arguments: [true, false]
  )
  func loops(_ inline: Bool) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.afterDot(["250 2.1.5 kept"]), on: group)
    let settings = settings(port: server.port, .address)
    let bench = try await ServiceBench(settings, on: group.next())
    let text = "Delivered-To: carl@example.net\nSubject: x\n\nx\n"
    try await bench.run { service in
      service.begin(
        ServiceBench.task(
          1,
          body: text,
          kind: Self.kind,
          action: "local",
          recipients: ["bob", "carl"],
          inline: inline
        )
      )
      guard !inline else { return }
      service.bodyArrived(task: 1, ByteBuffer(string: text))
      service.bodyEnded(task: 1)
    }
    let outcomes = try await bench.reports(1)[1]
    #expect(
      outcomes == [
        .delivered(text: "Delivered", relay: nil, support: .none), .loop("Loop detected"),
      ]
    )
    #expect(server.record.recipients == ["RCPT TO:<bob@example.net>"])
    #expect(server.record.messages == [text.replacing("\n", with: "\r\n")])
    try await server.close()
  }

  @Test("a local socket is connected by the supervisor, once for many messages")
  func localSocket() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ScriptedServer(.afterDot(["250 2.1.5 kept"]), on: group)
    let bench = try await ServiceBench(settings(.socket("/run/lmtp")), on: group.next())
    try await bench.run { service in
      for number in UInt64(1)...20 {
        service.begin(ServiceBench.task(number, kind: Self.kind, action: "local"))
      }
    }
    var reports: [DeliveryOutcome] = []
    var connections = 0
    try await bench.watch { effect in
      switch effect {
      case .connectSocket(let request, let action):
        #expect(action == "local")
        connections += 1
        let descriptor = try Self.connect(to: server.port)
        try await bench.run { $0.socketConnected(request: request, descriptor) }
      case .report(let report): reports += report.outcomes.map(\.outcome)
      default: break
      }
      return reports.count == 20
    }
    #expect(reports.allSatisfy { $0 == .delivered(text: "Delivered", relay: nil, support: .none) })
    // Another one may come when a second has gone by, as on a machine that is busy with something else.
    #expect(connections < 10)
    try await server.close()
  }

  @Test("a local socket that cannot be connected defers with the reason")
  func refusedSocket() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let bench = try await ServiceBench(settings(.socket("/run/lmtp")), on: group.next())
    try await bench.run { service in
      service.begin(ServiceBench.task(1, kind: Self.kind, action: "local"))
    }
    var outcome: DeliveryOutcome?
    try await bench.watch { effect in
      if case .connectSocket(let request, _) = effect {
        try await bench.run { $0.commandEnded(request: request, .refused("Permission denied")) }
      }
      if case .report(let report) = effect { outcome = report.outcomes[0].outcome }
      return outcome != nil
    }
    guard case .temporary(_, let text)? = outcome else {
      Issue.record("\(outcome as Any)")
      return
    }
    #expect(text.contains("Permission denied"))
  }

  private static func connect(to port: UInt16) throws -> CInt {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    // A sockaddr_in is a sockaddr to connect(2), which reads as much of it as it is told.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe Glibc.connect(number, address, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(result == 0)
    return number
  }

  @Test("what only an expansion may deliver is not delivered")
  func withoutMethod() async throws {
    var settings = DeliverySettings()
    settings.actions["local"] = .expansion
    let bench = try await ServiceBench(
      settings,
      on: MultiThreadedEventLoopGroup.singleton.next()
    )
    try await bench.run { service in
      service.begin(ServiceBench.task(1, kind: Self.kind, action: "local"))
      let command = LocalDelivery(user: "bob", method: .command("x", .alias))
      service.begin(ServiceBench.task(2, kind: .local(command), action: "local"))
    }
    var report: TaskReport?
    var isStarted = false
    try await bench.watch { effect in
      if case .report(let first) = effect { report = first }
      if case .startCommand(let request) = effect { isStarted = request.id > 0 }
      return report != nil && isStarted
    }
    guard case .temporary(EnhancedStatus(.temporary, 2, 4)?, _)? = report?.outcomes[0].outcome,
      report?.task == 1
    else {
      Issue.record("\(report as Any)")
      return
    }
  }
}
