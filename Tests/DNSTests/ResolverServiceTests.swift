// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import DNS

@Suite("The resolver, against a name server on the loopback interface")
struct ResolverServiceTests {
  private static let table: [LoopbackNameServer.Query: LoopbackNameServer.Answer] = [
    .init(name: "example.org", type: 15): .records([
      [0, 10] + LoopbackNameServer.wire("mx1.example.org"),
      [0, 5] + LoopbackNameServer.wire("MX2.example.org"),
    ]),
    .init(name: "null.example.org", type: 15): .records([[0, 0, 0]]),
    .init(name: "broken.example.org", type: 15): .code(2),
    .init(name: "refused.example.org", type: 15): .code(5),
    .init(name: "gone.example.org", type: 15): .code(3),
    .init(name: "numbers.example.org", type: 15): .records([
      [0, 10] + LoopbackNameServer.wire("192.0.2.1")
    ]),
    .init(name: "mx1.example.org", type: 1): .records([[192, 0, 2, 1], [192, 0, 2, 2]]),
    .init(name: "mx1.example.org", type: 28): .records([
      [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    ]),
    .init(name: "gone.example.org", type: 1): .code(3),
    .init(name: "gone.example.org", type: 28): .code(3),
    .init(name: "half.example.org", type: 1): .records([[192, 0, 2, 3]]),
    .init(name: "half.example.org", type: 28): .code(2),
    .init(name: "mail.test", type: 1): .records([[192, 0, 2, 9]]),
    .init(name: "1.2.0.192.in-addr.arpa", type: 12): .records([
      LoopbackNameServer.wire("mx1.example.org")
    ]),
    .init(name: "silent.example.org", type: 15): .silence,
  ]

  private func ask(
    _ questions: [DNSQuestion],
    hosts: String = "",
    time: Duration = .seconds(30)
  ) async throws -> [DNSAnswer] {
    let server = try await LoopbackNameServer(Self.table)
    let address = IPAddress.inet4(0x7f00_0001)
    var configuration = ResolverConfiguration(
      mode: .forwarders([DNSServer(address: address, port: server.port)])
    )
    configuration.hosts = hosts
    configuration.limits.questionTime = time
    let service = try ResolverService(configuration)
    var answers: [DNSAnswer] = []
    for question in questions {
      answers.append(
        await withCheckedContinuation { continuation in
          service.ask(question) { continuation.resume(returning: $0) }
        }
      )
    }
    service.stop()
    try await server.close()
    return answers
  }

  private func name(_ text: String) throws -> DomainName { try #require(DomainName(text)) }

  @Test("mail exchangers come with preferences and lower-case names")
  func mailExchangers() async throws {
    let answers = try await ask([
      .mailExchangers(try name("example.org")), .mailExchangers(try name("null.example.org")),
    ])
    guard case .records(.mailExchangers(let records)) = answers[0].outcome else {
      Issue.record("\(answers[0])")
      return
    }
    #expect(
      Set(records) == [
        MailExchangerRecord(preference: 10, exchange: try name("mx1.example.org")),
        MailExchangerRecord(preference: 5, exchange: try name("mx2.example.org")),
      ]
    )
    #expect(
      answers[1].outcome
        == .records(.mailExchangers([MailExchangerRecord(preference: 0, exchange: nil)]))
    )
  }

  @Test("absence, failure and nonsense are told apart")
  func failures() async throws {
    let answers = try await ask([
      .mailExchangers(try name("gone.example.org")),
      .mailExchangers(try name("mx1.example.org")),
      .mailExchangers(try name("broken.example.org")),
      .mailExchangers(try name("refused.example.org")),
      .mailExchangers(try name("numbers.example.org")),
      .addresses(try name("gone.example.org")),
      .addresses(try name("example.org")),
    ])
    #expect(
      answers.map(\.outcome) == [
        .nonexistent, .noData, .temporary(.serverFailure), .temporary(.serverFailure),
        .temporary(.malformed), .nonexistent, .noData,
      ]
    )
  }

  @Test("addresses of both families are joined, and half an answer is an answer")
  func addresses() async throws {
    let answers = try await ask([
      .addresses(try name("mx1.example.org")), .addresses(try name("half.example.org")),
      .addresses(try name("mail.test")),
    ])
    let mx1 = try ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map {
      try #require(IPAddress(parsing: $0))
    }
    guard case .records(.addresses(let found)) = answers[0].outcome else {
      Issue.record("\(answers[0])")
      return
    }
    #expect(Set(found) == Set(mx1))
    #expect(answers[1].outcome == .records(.addresses([.inet4(0xc000_0203)])))
    #expect(answers[2].outcome == .records(.addresses([.inet4(0xc000_0209)])))
  }

  @Test("an address has a name")
  func pointer() async throws {
    let answers = try await ask([.pointer(.inet4(0xc000_0201))])
    #expect(answers[0].outcome == .records(.names([try name("mx1.example.org")])))
  }

  @Test("the hosts file is asked before the servers")
  func hosts() async throws {
    let answers = try await ask(
      [.addresses(try name("mx1.example.org")), .pointer(.inet4(0x0a00_0001))],
      hosts: "10.0.0.1\tmx1.Example.org alias # a comment\n10.0.0.2 mx1.example.org\nnonsense x\n"
    )
    #expect(answers[0].outcome == .records(.addresses([.inet4(0x0a00_0001), .inet4(0x0a00_0002)])))
    #expect(answers[1].outcome == .records(.names([try name("mx1.example.org")])))
  }

  @Test("a silent server ends in a timeout")
  func silence() async throws {
    let answers = try await ask(
      [.mailExchangers(try name("silent.example.org"))],
      time: .milliseconds(50)
    )
    #expect(answers[0].outcome == .temporary(.timeout))
  }

  @Test("what is open when the resolver stops is answered")
  func stopping() async throws {
    let server = try await LoopbackNameServer(Self.table)
    let service = try ResolverService(
      ResolverConfiguration(
        mode: .forwarders([DNSServer(address: .inet4(0x7f00_0001), port: server.port)])
      )
    )
    let silent = try name("silent.example.org")
    let answer = await withCheckedContinuation { continuation in
      service.ask(.mailExchangers(silent)) { continuation.resume(returning: $0) }
      service.stop()
    }
    #expect(answer.outcome == .temporary(.unavailable))
    let late = await withCheckedContinuation { continuation in
      service.ask(.mailExchangers(silent)) { continuation.resume(returning: $0) }
    }
    #expect(late.outcome == .temporary(.overloaded))
    try await server.close()
  }

  @Test("a trust anchor that cannot be read is refused at once")
  func badAnchor() throws {
    var configuration = ResolverConfiguration(mode: .recursive)
    configuration.trustAnchor = "; a comment\n. IN DS nonsense\n"
    #expect(throws: ResolverError.self) { try ResolverService(configuration) }
  }

  @Test("without DNSSEC on the way a trust anchor does no harm")
  func unsignedForwarder() async throws {
    let server = try await LoopbackNameServer(Self.table)
    var configuration = ResolverConfiguration(
      mode: .forwarders([DNSServer(address: .inet4(0x7f00_0001), port: server.port)])
    )
    configuration.trustAnchor =
      ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
    let service = try ResolverService(configuration)
    let host = try name("half.example.org")
    let answer = await withCheckedContinuation { continuation in
      service.ask(.addresses(host)) { continuation.resume(returning: $0) }
    }
    #expect(answer.outcome == .records(.addresses([.inet4(0xc000_0203)])))
    #expect(answer.authenticity == .unvalidated)
    service.stop()
    try await server.close()
  }
}
