// SPDX-License-Identifier: ISC

package import Configuration
internal import Mail

/// The rules of the configuration with the tables that they ask: decides what becomes of a recipient.
///
/// Tables are made ready once, here; a decision allocates nothing that grows with a table.
package struct Ruleset: Sendable {
  /// An entry of a table that the criterion which asks it cannot use; it is left out.
  package struct RefusedEntry: Hashable, Sendable {
    package var table: String
    package var entry: String
  }

  package let subaddressDelimiter: UInt8
  package let refusedEntries: [RefusedEntry]
  private let actions: [LookupProjection.Action]
  private let rules: [Rule]
  private let tableNames: [String]
  private let matchers: [Question: Matcher]
  private let localAddresses: Set<IPAddress>
  private let localNames: DomainSet

  private struct Question: Hashable, Sendable {
    var table: TableIndex
    var service: Service
  }

  /// `files` holds what the table files say; a file that is not in it could not be read, and rules
  /// that ask it give temporary failures.
  package init(_ projection: LookupProjection, files: [TableIndex: TableContents] = [:]) {
    subaddressDelimiter = projection.subaddressDelimiter
    actions = projection.actions
    rules = projection.rules
    tableNames = projection.tables.map(\.name)
    localAddresses = Set(projection.localAddresses)
    localNames = DomainSet(
      ["localhost", projection.serverName] + projection.localAddresses.map(\.description)
    )
    var matchers: [Question: Matcher] = [:]
    var refusedEntries: [RefusedEntry] = []
    for (test, service) in projection.rules.flatMap(\.questions) {
      let question = Question(table: test.table, service: service)
      guard matchers[question] == nil else { continue }
      let table = projection.tables[test.table.rawValue]
      guard let keys = Ruleset.keys(of: table, files[test.table]) else {
        matchers[question] = .unavailable
        continue
      }
      var refused: [String] = []
      matchers[question] = Matcher(
        keys,
        for: service,
        subaddressDelimiter: projection.subaddressDelimiter,
        refused: &refused
      )
      refusedEntries += refused.map { RefusedEntry(table: table.name, entry: $0) }
    }
    self.matchers = matchers
    self.refusedEntries = refusedEntries
  }

  private static func keys(of table: TableDeclaration, _ file: TableContents?) -> [String]? {
    switch table.content {
    case .list(let entries): entries
    case .map(let pairs): pairs.map(\.key)
    case .file: file?.keys
    case .systemAccounts, .database, .helper: nil
    }
  }

  /// What the first rule says all of whose criteria hold.
  package func decide(_ subject: RuleSubject) -> Decision {
    do {
      for rule in rules where try matches(rule, subject) {
        switch rule.outcome {
        case .reject: return .reject(line: rule.line)
        case .action(let index): return .action(actions[index], line: rule.line)
        }
      }
      return .noRule
    } catch {
      return .lookupFailed(table: tableNames[error.table.rawValue])
    }
  }

  /// The table cannot be asked.
  private struct Unavailable: Error {
    var table: TableIndex
  }

  /// The order is fixed, for it decides which unavailable table is noticed.
  private func matches(_ rule: Rule, _ subject: RuleSubject) throws(Unavailable) -> Bool {
    let session = subject.session
    if let tag = rule.tag {
      guard try matches(tag, .string, name: session.tag) else { return false }
    }
    guard try matches(rule.source, subject) else { return false }
    guard try matches(rule.destination, subject) else { return false }
    if let helo = rule.helo {
      guard try matches(helo, .domain, name: session.helo) else { return false }
    }
    if let authentication = rule.authentication {
      guard try matches(authentication, session) else { return false }
    }
    if let encryption = rule.encryption {
      guard (session.transport == .tls) == (encryption == .holds) else { return false }
    }
    if let sender = rule.sender {
      let address = subject.sender ?? Address(local: "", domain: "")
      guard try matches(sender, address: address) else { return false }
    }
    if let recipient = rule.recipient {
      guard try matches(recipient, address: subject.destination) else { return false }
    }
    return true
  }

  private func matches(
    _ source: Rule.Source,
    _ subject: RuleSubject
  ) throws(Unavailable) -> Bool {
    let session = subject.session
    let isInternal = subject.origin == .expansion
    switch source {
    case .any(let sense):
      return sense == .holds
    case .local(let sense):
      return (isInternal || isLocal(session.source)) == (sense == .holds)
    case .socket(let sense):
      return !isInternal && (session.source == .local) == (sense == .holds)
    case .address(let test):
      let from = isInternal ? SourceAddress.local : session.source
      return try answer(test, .network) { $0.contains(source: from) }
    case .named(let sense):
      guard !isInternal else { return false }
      return (session.hostname != RuleSubject.unknownHostName) == (sense == .holds)
    case .reverseName(let test):
      guard !isInternal else { return try matches(test, .domain, name: "local") }
      guard session.hostname != RuleSubject.unknownHostName else { return false }
      return try matches(test, .domain, name: session.hostname)
    }
  }

  private func matches(
    _ destination: Rule.Destination,
    _ subject: RuleSubject
  ) throws(Unavailable) -> Bool {
    switch destination {
    case .any(let sense): sense == .holds
    case .local(let sense): isLocal(domain: subject.destination.domain) == (sense == .holds)
    case .domain(let test): try matches(test, .domain, name: subject.destination.domain)
    }
  }

  private func matches(
    _ authentication: Rule.Authentication,
    _ session: SessionFacts
  ) throws(Unavailable) -> Bool {
    switch authentication {
    case .anybody(let sense):
      return (session.user != nil) == (sense == .holds)
    case .user(let test):
      guard let user = session.user else { return test.sense == .fails }
      return try matches(test, .user, name: user)
    }
  }

  private func matches(
    _ test: Rule.Test,
    _ service: Service,
    name: String
  ) throws(Unavailable) -> Bool {
    try answer(test, service) { $0.contains(name: name) }
  }

  private func matches(_ test: Rule.Test, address: Address) throws(Unavailable) -> Bool {
    try answer(test, .address) { $0.contains(address: address) }
  }

  private func answer(
    _ test: Rule.Test,
    _ service: Service,
    _ ask: (Matcher) -> Bool?
  ) throws(Unavailable) -> Bool {
    let service = test.comparison == .patterns ? .pattern : service
    guard let matcher = matchers[Question(table: test.table, service: service)] else {
      preconditionFailure("a table that was not made ready")
    }
    guard let found = ask(matcher) else { throw Unavailable(table: test.table) }
    return found == (test.sense == .holds)
  }

  /// The submission socket, loopback, and this host's own addresses.
  private func isLocal(_ source: SourceAddress) -> Bool {
    guard let address = IPAddress(source) else { return true }
    return address.isLoopback || localAddresses.contains(address)
  }

  private func isLocal(domain: String) -> Bool {
    let domain = domain.asciiLowercased
    if domain.first == "[", let block = NetworkBlock(parsing: domain) {
      return localAddresses.contains(block.address)
    }
    return localNames.contains(domain)
  }
}

extension Rule {
  /// Each look into a table with the service that it needs.
  fileprivate var questions: [(Test, Service)] {
    var found: [(Test?, Service)] = [
      (tag, .string), (helo, .domain), (sender, .address), (recipient, .address),
    ]
    switch source {
    case .address(let test): found.append((test, .network))
    case .reverseName(let test): found.append((test, .domain))
    case .any, .local, .socket, .named: break
    }
    if case .domain(let test) = destination { found.append((test, .domain)) }
    if case .user(let test) = authentication { found.append((test, .user)) }
    return found.compactMap { test, service in
      test.map { ($0, $0.comparison == .patterns ? .pattern : service) }
    }
  }
}
