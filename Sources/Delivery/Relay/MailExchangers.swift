// SPDX-License-Identifier: ISC

package import DNS
package import Mail

/// From a destination to the ordered addresses that mail for it goes to (RFC 5321 section 5.1,
/// RFC 7505). Pure: says which questions to ask, is told the answers.
///
///     begin ──MX──▶ exchangers ──A, AAAA of each──▶ addresses ──▶ found | failed
///       └──host or literal──────────────────────────────┘
package struct MailExchangers: Sendable {
  package enum Step: Hashable, Sendable {
    case ask([DNSQuestion])
    /// Answers to earlier questions are still missing.
    case wait
    /// By rising preference; equals in random order. Never empty.
    case found([RelayTarget])
    case failed(RelayFailure)
  }

  /// Whom the mail is for.
  package enum Destination: Hashable, Sendable {
    /// The domain of a recipient, or an address literal: MX records count.
    case domain(String)
    /// A host of the configuration: they do not.
    case host(RelayHost)
  }

  /// What does not depend on the destination.
  package struct Rules: Hashable, Sendable {
    package var port: UInt16 = 25
    package var families = RelayLimits.Families.both
    package var ownNames: Set<DomainName> = []
    /// Unspecified ones where a listener takes what comes to any address.
    package var ownAddresses: Set<IPAddress> = []
    package var backup = RelayAction.BackupRule.ordinary

    package init() {}

    /// Whether a connection to `address` ends at this server. The whole of loopback does where a
    /// listener takes any address, and a domain of a stranger's may well point there.
    func isOwn(_ address: IPAddress) -> Bool {
      let address = address.unmapped
      guard !address.isUnspecified, !ownAddresses.contains(address) else { return true }
      return address.isLoopback && ownAddresses.contains { $0.isUnspecified }
    }
  }

  package enum Limits {
    /// MX records that are looked at, the best ones.
    package static let exchangers = 20
    /// Addresses of each, and of all of them: the best ones.
    package static let targets = 64
  }

  private enum State: Sendable {
    case new
    /// Waits for the MX answer.
    case exchangers(DomainName)
    /// Waits for the addresses of `open`.
    case addresses(open: [DomainName: UInt16], source: AddressSource)
    case ended
  }

  /// Where the names come from that addresses are looked up for: decides what their absence means.
  private enum AddressSource: Sendable {
    case records
    case domainItself
    case configuration
  }

  private let destination: Destination
  private let rules: Rules
  private var state = State.new
  private var random: UInt64
  private var targets: [RelayTarget] = []
  /// Only exchangers better than this are used.
  private var ceiling: UInt16?
  private var sawTemporaryFailure = false
  private var sawWrongFamily = false

  /// - Parameter seed: orders exchangers of one preference.
  package init(_ destination: Destination, rules: Rules, seed: UInt64) {
    self.destination = destination
    self.rules = rules
    random = seed
  }

  package mutating func begin() -> Step {
    guard case .new = state else { preconditionFailure("a lookup begins once") }
    switch destination {
    case .domain(let text):
      if text.hasPrefix("[") { return found(literal: text) }
      guard let name = DomainName(text) else { return fail(.invalidName) }
      state = .exchangers(name)
      return .ask([.mailExchangers(name)])
    case .host(.name(let name)):
      state = .addresses(open: [name: 0], source: .configuration)
      return .ask([.addresses(name)])
    case .host(.address(let address)):
      add(.inet(address, port: rules.port), 0, nil)
      return finish(.configuration)
    case .host(.socket(let path)):
      add(.local(path: path), 0, nil)
      return finish(.configuration)
    }
  }

  /// An answer to a question of this lookup; one that it did not ask changes nothing.
  package mutating func answered(_ question: DNSQuestion, _ answer: DNSAnswer) -> Step {
    switch (state, question) {
    case (.exchangers(let name), .mailExchangers(let asked)) where asked == name:
      return exchangersAnswered(name, answer.outcome)
    case (.addresses(var open, let source), .addresses(let name)):
      guard let preference = open.removeValue(forKey: name) else { return .wait }
      note(answer.outcome, of: name, preference)
      state = .addresses(open: open, source: source)
      return open.isEmpty ? finish(source) : .wait
    default:
      return .wait
    }
  }

  private mutating func exchangersAnswered(
    _ name: DomainName,
    _ outcome: DNSAnswer.Outcome
  ) -> Step {
    switch outcome {
    case .records(.mailExchangers(let records)):
      return chosen(records)
    case .noData:
      state = .addresses(open: [name: 0], source: .domainItself)
      return .ask([.addresses(name)])
    case .nonexistent:
      return fail(.noDomain)
    case .records, .bogus, .temporary:
      return fail(.lookupFailed)
    }
  }

  private mutating func chosen(_ records: [MailExchangerRecord]) -> Step {
    let named = records.compactMap { record in
      record.exchange.map { (name: $0, preference: record.preference) }
    }
    .filter { $0.name.text != "localhost" }
    guard !named.isEmpty else { return fail(.nullExchanger) }
    ceiling = named.filter { isOwn($0.name) }.map(\.preference).min()
    let usable = named.filter { record in ceiling.map { record.preference < $0 } ?? true }
    guard !usable.isEmpty else { return fail(.loop) }
    var open: [DomainName: UInt16] = [:]
    var questions: [DNSQuestion] = []
    for record in usable.sorted(by: { $0.preference < $1.preference }) {
      guard open.count < Limits.exchangers else { break }
      if open.updateValue(min(record.preference, open[record.name] ?? .max), forKey: record.name)
        == nil
      {
        questions.append(.addresses(record.name))
      }
    }
    state = .addresses(open: open, source: .records)
    return .ask(questions)
  }

  private func isOwn(_ name: DomainName) -> Bool {
    if rules.backup == .behind(name) { return true }
    return rules.ownNames.contains(name)
  }

  private mutating func note(
    _ outcome: DNSAnswer.Outcome,
    of name: DomainName,
    _ preference: UInt16
  ) {
    switch outcome {
    case .records(.addresses(let addresses)):
      // A bulky answer about a worse one must not crowd out the best.
      for address in addresses.prefix(Limits.targets) {
        add(.inet(address, port: rules.port), preference, name)
      }
    case .records, .bogus, .temporary:
      sawTemporaryFailure = true
    case .nonexistent, .noData:
      break
    }
  }

  private mutating func add(
    _ endpoint: RelayEndpoint,
    _ preference: UInt16,
    _ name: DomainName?
  ) {
    if let address = endpoint.address {
      if case .domain = destination, rules.isOwn(address) {
        ceiling = min(preference, ceiling ?? .max)
        return
      }
      guard isUsable(address) else {
        sawWrongFamily = true
        return
      }
    }
    targets.append(RelayTarget(preference: preference, endpoint: endpoint, name: name))
  }

  private func isUsable(_ address: IPAddress) -> Bool {
    switch (rules.families, address) {
    case (.both, _), (.inet4, .inet4), (.inet6, .inet6): true
    default: false
    }
  }

  private mutating func finish(_ source: AddressSource) -> Step {
    let better = targets.filter { target in ceiling.map { target.preference < $0 } ?? true }
    guard !better.isEmpty else { return fail(absence(source)) }
    let shuffled = better.map { (target: $0, order: next()) }
    state = .ended
    return .found(
      shuffled.sorted {
        ($0.target.preference, $0.order) < ($1.target.preference, $1.order)
      }
      .prefix(Limits.targets)
      .map(\.target)
    )
  }

  /// What it means that no address is left.
  private func absence(_ source: AddressSource) -> RelayFailure {
    if sawTemporaryFailure { return .lookupFailed }
    if ceiling != nil { return .loop }
    if sawWrongFamily { return .familyMismatch }
    return switch source {
    case .records: .noExchangerAddress
    case .domainItself: .noExchanger
    case .configuration: .noHost
    }
  }

  private mutating func found(literal text: String) -> Step {
    guard let address = IPAddress(literal: text) else { return fail(.invalidName) }
    add(.inet(address, port: rules.port), 0, nil)
    return finish(.domainItself)
  }

  private mutating func fail(_ failure: RelayFailure) -> Step {
    state = .ended
    return .failed(failure)
  }

  /// SplitMix64.
  private mutating func next() -> UInt64 {
    random &+= 0x9e37_79b9_7f4a_7c15
    var value = random
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
