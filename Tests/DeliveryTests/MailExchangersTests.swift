// SPDX-License-Identifier: ISC

import DNS
import Mail
import Testing

@testable import Delivery

@Suite("From a destination to its mail exchangers")
struct MailExchangersTests {
  private static func name(_ text: String) -> DomainName {
    guard let name = DomainName(text) else { preconditionFailure("a bad name in a test") }
    return name
  }

  private static func address(_ text: String) -> IPAddress {
    guard let address = IPAddress(parsing: text) else { preconditionFailure("a bad address") }
    return address
  }

  /// A zone: what each question is answered with; everything else does not exist.
  private typealias Zone = [DNSQuestion: DNSAnswer.Outcome]

  private static func mx(_ domain: String, _ records: (UInt16, String?)...) -> Zone {
    [
      .mailExchangers(name(domain)): .records(
        .mailExchangers(
          records.map { MailExchangerRecord(preference: $0.0, exchange: $0.1.map(name)) }
        )
      )
    ]
  }

  private static func a(_ host: String, _ addresses: String...) -> Zone { a(host, addresses) }

  private static func a(_ host: String, _ addresses: [String]) -> Zone {
    [.addresses(name(host)): .records(.addresses(addresses.map(address)))]
  }

  private func resolve(
    _ destination: MailExchangers.Destination,
    _ zones: Zone...,
    rules: MailExchangers.Rules = .init(),
    seed: UInt64 = 1
  ) -> MailExchangers.Step {
    let zone = zones.reduce(into: Zone()) { $0.merge($1) { first, _ in first } }
    var lookup = MailExchangers(destination, rules: rules, seed: seed)
    var step = lookup.begin()
    var open: [DNSQuestion] = []
    while true {
      if case .ask(let questions) = step { open += questions }
      guard !open.isEmpty else { return step }
      let question = open.removeFirst()
      step = lookup.answered(question, DNSAnswer(zone[question] ?? .nonexistent))
      if case .failed = step { return step }
      if case .found = step { return step }
    }
  }

  private func addresses(_ step: MailExchangers.Step) -> [String] {
    guard case .found(let targets) = step else { return ["\(step)"] }
    return targets.map { "\($0.preference) \($0.endpoint)" }
  }

  @Test("exchangers come by preference, with all their addresses")
  func preference() {
    let step = resolve(
      .domain("example.org"),
      Self.mx("example.org", (20, "b.org"), (10, "a.org")),
      Self.a("a.org", "192.0.2.1"),
      Self.a("b.org", "192.0.2.2", "2001:db8::2")
    )
    #expect(addresses(step).first == "10 192.0.2.1")
    #expect(Set(addresses(step)) == ["10 192.0.2.1", "20 192.0.2.2", "20 [2001:db8::2]"])
  }

  @Test("a bulky answer about a worse exchanger does not crowd out the best")
  func bulkyAnswer() {
    var lookup = MailExchangers(.domain("example.org"), rules: .init(), seed: 1)
    _ = lookup.begin()
    let records = Self.mx("example.org", (10, "best.org"), (20, "bulky.org"))
    for (question, outcome) in records {
      _ = lookup.answered(question, DNSAnswer(outcome))
    }
    let many = (0..<1000).map { "10.0.\($0 / 250).\($0 % 250)" }
    var step = MailExchangers.Step.wait
    for zone in [Self.a("bulky.org", many), Self.a("best.org", ["192.0.2.1"])] {
      for (question, outcome) in zone { step = lookup.answered(question, DNSAnswer(outcome)) }
    }
    let found = addresses(step)
    #expect(found.first == "10 192.0.2.1")
    #expect(found.count == MailExchangers.Limits.targets)
  }

  @Test("equal preferences are shuffled by the seed")
  func shuffling() {
    let orders = (0..<20).map { seed in
      addresses(
        resolve(
          .domain("example.org"),
          Self.mx("example.org", (10, "a.org"), (10, "b.org")),
          Self.a("a.org", "192.0.2.1"),
          Self.a("b.org", "192.0.2.2"),
          seed: UInt64(seed)
        )
      )
    }
    #expect(Set(orders).count == 2)
  }

  @Test("without MX the domain itself is the host")
  func implicit() {
    let step = resolve(
      .domain("example.org"),
      [.mailExchangers(Self.name("example.org")): .noData],
      Self.a("example.org", "192.0.2.1")
    )
    #expect(addresses(step) == ["0 192.0.2.1"])
  }

  @Test("each way to have no exchanger has its status")
  func failures() {
    let domain = MailExchangers.Destination.domain("example.org")
    let mx = DNSQuestion.mailExchangers(Self.name("example.org"))
    let one = Self.mx("example.org", (10, "a.org"))
    let host = DNSQuestion.addresses(Self.name("a.org"))
    #expect(resolve(domain) == .failed(.noDomain))
    #expect(resolve(domain, [mx: .temporary(.serverFailure)]) == .failed(.lookupFailed))
    #expect(resolve(domain, [mx: .bogus]) == .failed(.lookupFailed))
    #expect(resolve(domain, Self.mx("example.org", (0, nil))) == .failed(.nullExchanger))
    #expect(resolve(domain, Self.mx("example.org", (0, "localhost"))) == .failed(.nullExchanger))
    #expect(resolve(domain, [mx: .noData]) == .failed(.noExchanger))
    #expect(resolve(domain, one) == .failed(.noExchangerAddress))
    #expect(resolve(domain, one, [host: .temporary(.timeout)]) == .failed(.lookupFailed))
    #expect(resolve(.domain("not a domain")) == .failed(.invalidName))
    #expect(resolve(.domain("192.0.2.1")) == .failed(.invalidName))
    #expect(resolve(.domain("[192.0.2.999]")) == .failed(.invalidName))
    #expect(resolve(.host(.name(Self.name("a.org")))) == .failed(.noHost))
    var inet6 = MailExchangers.Rules()
    inet6.families = .inet6
    #expect(
      resolve(domain, one, Self.a("a.org", "192.0.2.1"), rules: inet6) == .failed(.familyMismatch)
    )
  }

  @Test("one exchanger that cannot be looked up does not hide the others")
  func partial() {
    let step = resolve(
      .domain("example.org"),
      Self.mx("example.org", (10, "a.org"), (20, "b.org")),
      [.addresses(Self.name("a.org")): .temporary(.timeout)],
      Self.a("b.org", "192.0.2.2")
    )
    #expect(addresses(step) == ["20 192.0.2.2"])
  }

  @Test("only exchangers better than ourselves are used, by name and by address")
  func ownExchanger() {
    let zone = Self.mx("example.org", (10, "a.org"), (20, "me.org"), (20, "b.org"), (30, "c.org"))
    var byName = MailExchangers.Rules()
    byName.ownNames = [Self.name("me.org")]
    var byAddress = MailExchangers.Rules()
    byAddress.ownAddresses = [Self.address("192.0.2.9")]
    for rules in [byName, byAddress] {
      let step = resolve(
        .domain("example.org"),
        zone,
        Self.a("a.org", "192.0.2.1"),
        Self.a("b.org", "192.0.2.2"),
        Self.a("c.org", "192.0.2.3"),
        Self.a("me.org", "192.0.2.9"),
        rules: rules
      )
      #expect(addresses(step) == ["10 192.0.2.1"])
    }
  }

  @Test("mail for a domain whose best exchanger we are is a loop")
  func loop() {
    var rules = MailExchangers.Rules()
    rules.ownNames = [Self.name("me.org")]
    rules.ownAddresses = [Self.address("192.0.2.9")]
    let zone = Self.mx("example.org", (10, "me.org"), (20, "b.org"))
    #expect(resolve(.domain("example.org"), zone, rules: rules) == .failed(.loop))
    #expect(
      resolve(
        .domain("example.org"),
        Self.mx("example.org", (10, "alias.org")),
        Self.a("alias.org", "192.0.2.9"),
        rules: rules
      ) == .failed(.loop)
    )
    #expect(resolve(.domain("[192.0.2.9]"), rules: rules) == .failed(.loop))
  }

  @Test(
    "an address that leads back here is our own",
    arguments: [
      ("0.0.0.0", "192.0.2.9"), ("::", "192.0.2.9"), ("::ffff:192.0.2.9", "192.0.2.9"),
      ("127.0.0.2", "0.0.0.0"), ("::1", "::"), ("::ffff:127.0.0.2", "0.0.0.0"),
    ]
  )
  func disguised(address: String, own: String) {
    var rules = MailExchangers.Rules()
    rules.ownAddresses = [Self.address(own)]
    let zone = Self.mx("example.org", (10, "alias.org"))
    let answer = Self.a("alias.org", address)
    #expect(resolve(.domain("example.org"), zone, answer, rules: rules) == .failed(.loop))
    rules.ownAddresses = [Self.address("192.0.2.8")]
    let elsewhere = resolve(.domain("example.org"), zone, answer, rules: rules)
    #expect((elsewhere == .failed(.loop)) == ["0.0.0.0", "::"].contains(address))
  }

  @Test("a smart host may be on this very host")
  func ownSmartHost() {
    var rules = MailExchangers.Rules()
    rules.port = 2525
    rules.ownAddresses = [Self.address("127.0.0.1")]
    let step = resolve(.host(.address(Self.address("127.0.0.1"))), rules: rules)
    #expect(addresses(step) == ["0 127.0.0.1"])
  }

  @Test("a backup uses better exchangers only; all when it is not named")
  func backup() {
    var rules = MailExchangers.Rules()
    rules.backup = .behind(Self.name("b.org"))
    let hosts = [Self.a("a.org", "192.0.2.1"), Self.a("b.org", "192.0.2.2")]
    let named = resolve(
      .domain("example.org"),
      Self.mx("example.org", (10, "a.org"), (20, "b.org")),
      hosts[0],
      hosts[1],
      rules: rules
    )
    #expect(addresses(named) == ["10 192.0.2.1"])
    let unnamed = resolve(
      .domain("example.org"),
      Self.mx("example.org", (10, "a.org"), (30, "a.org")),
      hosts[0],
      rules: rules
    )
    #expect(addresses(unnamed) == ["10 192.0.2.1"])
  }

  @Test("address literals need no DNS")
  func literals() {
    #expect(addresses(resolve(.domain("[192.0.2.1]"))) == ["0 192.0.2.1"])
    #expect(addresses(resolve(.domain("[IPv6:2001:db8::1]"))) == ["0 [2001:db8::1]"])
  }

  @Test("no more exchangers are asked about than the limit")
  func limit() {
    let many = (0..<MailExchangers.Limits.exchangers + 5).map { number in
      MailExchangerRecord(preference: UInt16(number), exchange: Self.name("h\(number).org"))
    }
    var lookup = MailExchangers(.domain("example.org"), rules: .init(), seed: 1)
    _ = lookup.begin()
    let step = lookup.answered(
      .mailExchangers(Self.name("example.org")),
      DNSAnswer(.records(.mailExchangers(many)))
    )
    guard case .ask(let questions) = step else {
      Issue.record("\(step)")
      return
    }
    #expect(questions.count == MailExchangers.Limits.exchangers)
    #expect(questions.first == .addresses(Self.name("h0.org")))
  }
}
