// SPDX-License-Identifier: ISC

internal import Configuration

/// Which rules can match, by the recipient's domain, the client's address, and the addresses of sender and
/// recipient: most rules name a table that does not have what is asked, and are never looked at.
///
/// A rule is passed over only where a look at it would find just that. So a rule of which what is asked
/// before that table is in one that cannot be asked now is met by every recipient.
struct RuleIndex: Sendable {
  /// Rules that every recipient meets, by their places, which rise.
  private var always: [Int] = []
  /// Rules that only recipients meet whose domain, or whose client, is in a table, by the table; their
  /// places rise.
  private var byTable: [Int: [Int]] = [:]
  /// The same of rules that only recipients meet whose sender, or whose address, is in a table.
  private var bySender: [Int: [Int]] = [:]
  private var byRecipient: [Int: [Int]] = [:]

  /// Of no rules.
  init() {}

  /// - Parameters:
  ///   - isAvailable: whether a table can be asked for a service.
  ///   - isIndexed: whether all that a table says of domains is found by `DomainIndex.question`.
  ///   - hasAddresses: whether all that a table says of addresses is found by `AddressIndex.tables`.
  init(
    _ rules: [Rule],
    isAvailable: (TableIndex, Service) -> Bool,
    isIndexed: (TableIndex) -> Bool,
    hasAddresses: (TableIndex) -> Bool = { _ in false }
  ) {
    func decides(_ test: Rule.Test?) -> Int? {
      guard let test, test.comparison == .entries, test.sense == .holds, hasAddresses(test.table)
      else { return nil }
      return test.table.rawValue
    }
    for (place, rule) in rules.enumerated() {
      if case .domain(let test) = rule.destination, test.comparison == .entries,
        test.sense == .holds, isIndexed(test.table),
        rule.questionsBeforeDomain.allSatisfy({ isAvailable($0.table, $1) })
      {
        byTable[test.table.rawValue, default: []].append(place)
      } else if case .address(let test) = rule.source, test.comparison == .entries,
        test.sense == .holds,
        rule.questionsBeforeDomain.allSatisfy({ isAvailable($0.table, $1) })
      {
        byTable[test.table.rawValue, default: []].append(place)
      } else if let table = decides(rule.sender), let before = rule.questionsBeforeSender,
        before.allSatisfy({ isAvailable($0.table, $1) })
      {
        bySender[table, default: []].append(place)
      } else if let table = decides(rule.recipient), let before = rule.questionsBeforeSender,
        (before + rule.senderQuestion).allSatisfy({ isAvailable($0.table, $1) })
      {
        byRecipient[table, default: []].append(place)
      } else {
        always.append(place)
      }
    }
  }

  /// The places of the rules that a recipient meets whose domain or client, sender, and address are in
  /// these tables, each given once, in their order.
  func places(for tables: [Int], senders: [Int] = [], recipients: [Int] = []) -> Places {
    var chosen: [Int] = []
    var lists = 0
    func choose(_ places: [Int]?) {
      guard let places else { return }
      lists += 1
      if chosen.isEmpty { chosen = places } else { chosen += places }
    }
    for table in tables { choose(byTable[table]) }
    for table in senders { choose(bySender[table]) }
    for table in recipients { choose(byRecipient[table]) }
    if lists > 1 { chosen.sort() }
    return Places(always: always, chosen: chosen)
  }

  /// Two rising lists as one.
  struct Places: Sequence, IteratorProtocol {
    fileprivate let always: [Int]
    fileprivate let chosen: [Int]
    private var nextAlways = 0
    private var nextChosen = 0

    fileprivate init(always: [Int], chosen: [Int]) {
      self.always = always
      self.chosen = chosen
    }

    mutating func next() -> Int? {
      if nextChosen < chosen.count,
        nextAlways == always.count || chosen[nextChosen] < always[nextAlways]
      {
        defer { nextChosen += 1 }
        return chosen[nextChosen]
      }
      guard nextAlways < always.count else { return nil }
      defer { nextAlways += 1 }
      return always[nextAlways]
    }
  }
}

extension Rule {
  /// Looks into tables that come before the one for the recipient's domain; the last is for the source.
  fileprivate var questionsBeforeDomain: [(Test, Service)] {
    var found: [(Test, Service)] = []
    if let tag { found.append((tag, .string)) }
    switch source {
    case .address(let test): found.append((test, .network))
    case .reverseName(let test): found.append((test, .domain))
    case .any, .local, .socket, .named: break
    }
    return found.map { ($0, $0.service(for: $1)) }
  }

  /// Looks into tables that come before the one for the sender; nil where that for the domain is into a
  /// list, which may be one that cannot be asked.
  fileprivate var questionsBeforeSender: [(Test, Service)]? {
    var found: [(Test, Service)] = []
    if case .domain(let test) = destination {
      guard test.comparison == .patterns else { return nil }
      found.append((test, .pattern))
    }
    if let helo { found.append((helo, helo.service(for: .domain))) }
    if case .user(let test) = authentication { found.append((test, test.service(for: .user))) }
    return questionsBeforeDomain + found
  }

  fileprivate var senderQuestion: [(Test, Service)] {
    sender.map { [($0, $0.service(for: .address))] } ?? []
  }

  /// Each look into a table with the service that it needs, but for the domains that tables list.
  var questions: [(Test, Service)] {
    var found: [(Test?, Service)] = [
      (helo, .domain), (sender, .address), (recipient, .address),
    ]
    if case .domain(let test) = destination, test.comparison == .patterns {
      found.append((test, .pattern))
    }
    if case .user(let test) = authentication { found.append((test, .user)) }
    return questionsBeforeDomain
      + found.compactMap { test, service in
        test.map { ($0, $0.service(for: service)) }
      }
  }
}

extension Rule.Test {
  /// What its table is asked for, where the values in question are of `service`.
  func service(for service: Service) -> Service { comparison == .patterns ? .pattern : service }
}
