// SPDX-License-Identifier: ISC

package import Configuration
internal import Mail

/// The rules of the configuration with the tables that they ask: decides what becomes of a recipient.
///
/// Tables are made ready once, here; a decision allocates nothing that grows with a table.
package struct Ruleset: Sendable {
  /// An entry of a table that a criterion which asks it cannot use: without it the rule would be another,
  /// so nothing of the table is used.
  package struct RefusedEntry: Hashable, Sendable {
    /// What the criterion takes entries for.
    package enum Use: Hashable, Sendable {
      case network, pattern
      /// It is a list, and is asked for values.
      case needsValues
      /// It has values, and is asked as a list.
      case needsList
      case address
      /// What is none: a value, or the entry itself.
      case hostName(String)
      /// What is no URL of a host: a value, or the entry itself.
      case relay(String)
      /// A URL with a label, for which there are no passwords.
      case label(String)
      /// No entry has a label, for which there are passwords.
      case noLabel
      /// Why nothing comes of the entry's value.
      case value(String)
      /// It has no entry, and without a host mail would go elsewhere.
      case noHost
    }

    /// The table's name.
    package var table: String
    /// The entry as it was written; empty where it is about the table.
    package var entry: String
    package var use: Use
  }

  package let subaddressDelimiter: UInt8
  /// Of each table that cannot be used the first entry that is at fault.
  package private(set) var refusedEntries: [RefusedEntry] = []
  let actions: [LookupProjection.Action]
  private let rules: [Rule]
  private let tables: [TableDeclaration]
  /// By table, then by service; nil where no rule asks.
  private var matchers: [Matcher?]
  private var maps: [TableIndex: TableMap] = [:]
  private var domains: DomainIndex
  private var networks: NetworkIndex
  private var addresses: AddressIndex?
  private var index = RuleIndex()
  /// Makes tables ready for what is asked of them here.
  let preparation: TablePreparation
  private let localAddresses: Set<IPAddress>
  private let localNames: DomainSet

  /// `files` holds what the table files say; a file that is not in it could not be read, and rules
  /// that ask it give temporary failures.
  package init(_ projection: LookupProjection, files: [TableIndex: TableSource] = [:]) {
    subaddressDelimiter = projection.subaddressDelimiter
    actions = projection.actions
    rules = projection.rules
    tables = projection.tables
    localAddresses = Set(projection.localAddresses)
    localNames = DomainSet(
      ["localhost", projection.serverName] + projection.localAddresses.map(\.description)
    )
    matchers = Array(repeating: nil, count: projection.tables.count * Service.allCases.count)
    domains = DomainIndex(count: projection.tables.count)
    networks = NetworkIndex(count: projection.tables.count)
    preparation = TablePreparation(projection)
    for table in preparation.tables {
      let source = TableSource(tables[table.rawValue].content) ?? files[table] ?? .unavailable
      do throws(RefusedEntry) {
        take(try preparation.prepare(table, source))
      } catch {
        refusedEntries.append(error)
        take(preparation.unavailable(table))
      }
    }
    indexRules()
  }

  /// The names of the tables, by their places.
  package func name(of table: TableIndex) -> String { tables[table.rawValue].name }

  /// Makes a table ready and takes it, unless an entry is of no use: then what it said before counts.
  package mutating func replace(
    _ table: TableIndex,
    with source: TableSource
  ) throws(RefusedEntry) {
    replace(try preparation.prepare(table, source))
  }

  /// Takes what a table says from now on.
  mutating func replace(_ table: ReadyTable) {
    take(table)
    indexRules()
  }

  private mutating func take(_ ready: ReadyTable) {
    let table = ready.table
    for (service, part) in ready.parts {
      switch part {
      case .map(let map): maps[table] = map
      case .domains(let entries): domains.replace(table.rawValue, with: entries)
      case .networks(let entries): networks.replace(table.rawValue, with: entries)
      case .matcher(let matcher): matchers[slot(table, service)] = matcher
      }
    }
  }

  private mutating func indexRules() {
    let addresses = AddressIndex(rules, subaddressDelimiter: subaddressDelimiter) { table in
      if case .addresses(let set)? = matchers[slot(table, .address)] { set } else { nil }
    }
    self.addresses = addresses
    index = RuleIndex(
      rules,
      isAvailable: { table, service in
        if service == .network { return networks.isReady(table.rawValue) }
        return if case .unavailable? = matchers[slot(table, service)] { false } else { true }
      },
      isIndexed: { domains.isComplete(for: $0.rawValue) },
      hasAddresses: addresses.has
    )
  }

  private func slot(_ table: TableIndex, _ service: Service) -> Int {
    table.rawValue * Service.allCases.count + Int(service.rawValue)
  }

  /// The value of a key, which is lower case, in a table that an action names.
  func value(of key: String, in table: TableIndex) throws(UnavailableTable) -> String? {
    guard let map = maps[table] else { throw UnavailableTable(name: name(of: table)) }
    do {
      return try map.value(of: key)
    } catch {
      throw UnavailableTable(name: name(of: table))
    }
  }

  /// Every value of a table that an action names; nil when they cannot be read.
  func values(of table: TableIndex) -> [String]? { maps[table]?.values }

  /// Whether a table is the host's own user database.
  func isSystemAccounts(_ table: TableIndex) -> Bool {
    tables[table.rawValue].content == .systemAccounts
  }

  /// Which tables have the recipient's domain and the client's address: asked once for all rules.
  private struct Found {
    let domain: DomainIndex.Question
    let networks: [Int]

    init(_ subject: RuleSubject, _ domains: DomainIndex, _ networks: NetworkIndex) {
      domain = domains.question(about: subject.destination.domain)
      self.networks = networks.tables(
        of: subject.origin == .expansion ? .local : subject.session.source
      )
    }

    /// Each once.
    var tables: [Int] { domain.tables + networks.filter { !domain.tables.contains($0) } }
  }

  /// What the first rule says all of whose criteria hold.
  package func decide(_ subject: RuleSubject) -> Decision {
    let found = Found(subject, domains, networks)
    do {
      let places = index.places(
        for: found.tables,
        senders: addresses?.tables(with: subject.sender) ?? [],
        recipients: addresses?.tables(with: subject.destination) ?? []
      )
      for place in places
      where try firstMismatch(rules[place], subject, found) == nil {
        return outcome(of: rules[place])
      }
      return .noRule
    } catch {
      return .lookupFailed(error)
    }
  }

  /// The same decision, by a look at every rule, with what each before it lacked.
  package func explain(_ subject: RuleSubject) -> ExplainedDecision {
    let found = Found(subject, domains, networks)
    var mismatches: [ExplainedDecision.Mismatch] = []
    do {
      for rule in rules {
        guard let criterion = try firstMismatch(rule, subject, found) else {
          return ExplainedDecision(mismatches: mismatches, decision: outcome(of: rule))
        }
        mismatches.append(ExplainedDecision.Mismatch(line: rule.line, criterion: criterion))
      }
      return ExplainedDecision(mismatches: mismatches, decision: .noRule)
    } catch {
      return ExplainedDecision(
        mismatches: mismatches,
        decision: .lookupFailed(error)
      )
    }
  }

  private func outcome(of rule: Rule) -> Decision {
    switch rule.outcome {
    case .reject: .reject(line: rule.line)
    case .action(let index): .action(actions[index], line: rule.line)
    }
  }

  /// The first criterion that does not hold; nil when all do.
  ///
  /// The order is fixed, for it decides which unavailable table is noticed.
  private func firstMismatch(
    _ rule: Rule,
    _ subject: RuleSubject,
    _ found: Found
  ) throws(LookupFailure) -> Criterion? {
    let session = subject.session
    if let tag = rule.tag {
      guard try matches(tag, .string, name: session.tag) else { return .tag }
    }
    guard try matches(rule.source, subject, found.networks) else { return .from }
    guard try matches(rule.destination, found.domain) else { return .for }
    if let helo = rule.helo {
      guard try matches(helo, .domain, name: session.helo) else { return .helo }
    }
    if let authentication = rule.authentication {
      guard try matches(authentication, session) else { return .auth }
    }
    if let encryption = rule.encryption {
      guard (session.transport == .tls) == (encryption == .holds) else { return .tls }
    }
    if let sender = rule.sender {
      let address = subject.sender ?? Address(local: "", domain: "")
      guard try matches(sender, address: address) else { return .mailFrom }
    }
    if let recipient = rule.recipient {
      guard try matches(recipient, address: subject.destination) else { return .rcptTo }
    }
    return nil
  }

  private func matches(
    _ source: Rule.Source,
    _ subject: RuleSubject,
    _ networks: [Int]
  ) throws(LookupFailure) -> Bool {
    let session = subject.session
    let isInternal = subject.origin == .expansion
    switch source {
    case .any(let sense):
      return sense == .holds
    case .local(let sense):
      return (isInternal || isLocal(session.source)) == (sense == .holds)
    case .socket(let sense):
      return !isInternal && (session.source == .local) == (sense == .holds)
    case .address(let test) where test.comparison == .patterns:
      let address = isInternal ? nil : IPAddress(session.source)
      return try matches(test, .network, name: address?.description ?? "local")
    case .address(let test):
      guard self.networks.isReady(test.table.rawValue) else {
        throw .table(name(of: test.table))
      }
      return networks.contains(test.table.rawValue) == (test.sense == .holds)
    case .named(let sense):
      guard !isInternal else { return false }
      guard subject.reverseLookup == .answered else { throw .reverseName }
      return (session.hostname != RuleSubject.unknownHostName) == (sense == .holds)
    case .reverseName(let test):
      guard !isInternal else { return try matches(test, .domain, name: "local") }
      guard subject.reverseLookup == .answered else { throw .reverseName }
      guard session.hostname != RuleSubject.unknownHostName else { return false }
      return try matches(test, .domain, name: session.hostname)
    }
  }

  private func matches(
    _ destination: Rule.Destination,
    _ domain: DomainIndex.Question
  ) throws(LookupFailure) -> Bool {
    switch destination {
    case .any(let sense): return sense == .holds
    case .local(let sense): return isLocal(domain.name) == (sense == .holds)
    case .domain(let test) where test.comparison == .patterns:
      return try matches(test, .domain, name: domain.given)
    case .domain(let test):
      guard let found = domains.contains(domain, in: test.table.rawValue) else {
        throw .table(name(of: test.table))
      }
      return found == (test.sense == .holds)
    }
  }

  private func matches(
    _ authentication: Rule.Authentication,
    _ session: SessionFacts
  ) throws(LookupFailure) -> Bool {
    switch authentication {
    case .anybody(let sense):
      return session.isAuthenticated == (sense == .holds)
    case .user(let test):
      guard let user = session.user else { return test.sense == .fails }
      return try matches(test, .user, name: user)
    }
  }

  private func matches(
    _ test: Rule.Test,
    _ service: Service,
    name: String
  ) throws(LookupFailure) -> Bool {
    try answer(test, service) { $0.contains(name: name) }
  }

  private func matches(_ test: Rule.Test, address: Address) throws(LookupFailure) -> Bool {
    try answer(test, .address) { $0.contains(address: address) }
  }

  private func answer(
    _ test: Rule.Test,
    _ service: Service,
    _ ask: (Matcher) -> Bool?
  ) throws(LookupFailure) -> Bool {
    let service = test.service(for: service)
    guard let matcher = matchers[slot(test.table, service)] else {
      preconditionFailure("a table that was not made ready")
    }
    guard let found = ask(matcher) else { throw .table(name(of: test.table)) }
    return found == (test.sense == .holds)
  }

  /// The submission socket, loopback, and this host's own addresses.
  private func isLocal(_ source: SourceAddress) -> Bool {
    guard let address = IPAddress(source) else { return true }
    return address.isLoopback || localAddresses.contains(address)
  }

  /// The domain is in lower case.
  private func isLocal(_ domain: String) -> Bool {
    if domain.first == "[", let block = NetworkBlock(parsing: domain) {
      return localAddresses.contains(block.address)
    }
    return localNames.contains(domain)
  }
}

extension Ruleset.RefusedEntry: Error, CustomStringConvertible {
  /// For the operator, behind the table's name.
  package var description: String {
    switch use {
    case .network: return "has \"\(entry)\", which is no address and no network"
    case .pattern:
      let text = "has \"\(entry)\", which is no regular expression"
      do throws(Pattern.Fault) {
        _ = try Pattern(parsing: entry, .ignored)
      } catch {
        return "\(text): \(error)"
      }
      return text
    case .needsValues: return "is a list, as its first line has no value, and is asked for values"
    case .needsList: return "has values, as its first line has one, and is asked as a list"
    case .address: return "has \"\(entry)\", which is no address"
    case .hostName(let name): return "has \"\(name)\", which is no host name"
    case .relay(let url): return "has \"\(url)\", which is no URL of a host to relay to"
    case .label(let url): return "has \"\(url)\", whose label needs auth in the action"
    case .noLabel: return "has no URL with a label, which auth in the action needs"
    case .noHost: return "has no host"
    case .value(let reason): return "has \"\(entry)\" with a value of no use: \(reason)"
    }
  }
}
