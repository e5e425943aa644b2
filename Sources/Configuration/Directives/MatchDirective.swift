// SPDX-License-Identifier: ISC

internal import Mail

/// `match CRITERIA… action NAME`, `match CRITERIA… reject`.
extension Parser {
  private static var criteria: [String] {
    ["from", "for", "auth", "helo", "mail-from", "rcpt-to", "tag", "tls"]
  }

  mutating func parseMatch(line: Int) throws(SyntaxFault) {
    hasMatch = true
    var criteria = MatchCriteria()
    while true {
      let isNegated = try accept(symbol: "!")
      let sense = isNegated ? Rule.Sense.fails : .holds
      let outcomes = isNegated ? [] : ["action", "reject"]
      let (word, position) = try choice(of: "match", among: Parser.criteria + outcomes)
      switch word {
      case "from": try parseFrom(sense, position, &criteria)
      case "for": try parseFor(sense, position, &criteria)
      case "auth": try authentication(sense, position, &criteria)
      case "helo": try assign(test(sense, .domain), position, word, &criteria.helo)
      case "mail-from": try assign(test(sense, .mailAddress), position, word, &criteria.sender)
      case "rcpt-to": try assign(test(sense, .mailAddress), position, word, &criteria.recipient)
      case "tag": try assign(test(sense, .string), position, word, &criteria.tag)
      case "tls": try assign(sense, position, word, &criteria.encryption)
      default:
        let outcome = try outcome(word)
        try endOfStatement()
        draft.rules.append(criteria.rule(line: line, outcome))
        return
      }
    }
  }

  private mutating func outcome(_ word: String) throws(SyntaxFault) -> Rule.Outcome {
    guard word == "action" else { return .reject }
    let (name, position) = try string("an action's name")
    guard let index = actionIndexes[name] else {
      let nearest = Spelling.nearest(to: name, in: draft.actions.map(\.name))
      throw SyntaxFault(complaint: .unknownAction(name, nearest: nearest), position: position)
    }
    return .action(index)
  }

  private mutating func parseFrom(
    _ sense: Rule.Sense,
    _ position: SourcePosition,
    _ criteria: inout MatchCriteria
  ) throws(SyntaxFault) {
    let known = ["any", "local", "socket", "src", "rdns", "auth", "mail-from"]
    let (word, _) = try choice(of: "match from", among: known)
    let source: Rule.Source
    switch word {
    case "any": source = .any(sense)
    case "local": source = .local(sense)
    case "socket": source = .socket(sense)
    case "src":
      let place = try peek().position
      let test = try test(sense, .networkAddress)
      checkNetworks(test, at: place)
      source = .address(test)
    case "rdns":
      source = try hasTable() ? .reverseName(test(sense, .domain)) : .named(sense)
    case "auth":
      source = .any(.holds)
      try authentication(sense, position, &criteria)
    default:
      source = .any(.holds)
      try assign(test(sense, .mailAddress), position, "mail-from", &criteria.sender)
    }
    try assign(source, position, "from", &criteria.source)
  }

  private mutating func parseFor(
    _ sense: Rule.Sense,
    _ position: SourcePosition,
    _ criteria: inout MatchCriteria
  ) throws(SyntaxFault) {
    let (word, _) = try choice(of: "match for", among: ["any", "local", "domain", "rcpt-to"])
    let destination: Rule.Destination
    switch word {
    case "any": destination = .any(sense)
    case "local": destination = .local(sense)
    case "domain": destination = .domain(try test(sense, .domain))
    default:
      destination = .any(.holds)
      try assign(test(sense, .mailAddress), position, "rcpt-to", &criteria.recipient)
    }
    try assign(destination, position, "for", &criteria.destination)
  }

  private mutating func authentication(
    _ sense: Rule.Sense,
    _ position: SourcePosition,
    _ criteria: inout MatchCriteria
  ) throws(SyntaxFault) {
    let found: Rule.Authentication = try hasTable() ? .user(test(sense, .string)) : .anybody(sense)
    try assign(found, position, "auth", &criteria.authentication)
  }

  mutating func hasTable() throws(SyntaxFault) -> Bool {
    if try peek().isWord("regex") { return true }
    return try tableFollows()
  }

  /// `[regex] <table>`.
  mutating func test(
    _ sense: Rule.Sense,
    _ service: TableService
  ) throws(SyntaxFault) -> Rule.Test {
    let isPattern = try accept("regex")
    let (table, position) = try table(.list, for: isPattern ? .regex : service)
    if isPattern { checkPatterns(table, at: position) }
    return Rule.Test(table: table, comparison: isPattern ? .patterns : .entries, sense: sense)
  }

  /// What is in a table, as it was written where it stands in the configuration.
  private func entries(of table: TableIndex) -> [String] {
    if case .list(let entries) = draft.tables[table.rawValue].content { return entries }
    return contents(of: table)?.keys ?? []
  }

  mutating func checkNetworks(_ test: Rule.Test, at position: SourcePosition) {
    guard test.comparison == .entries else { return }
    for entry in entries(of: test.table)
    where entry.lowercased() != "local" && NetworkBlock(parsing: entry) == nil {
      guard report(.network(entry), of: entry, in: test.table, at: position) else { return }
    }
  }

  private mutating func checkPatterns(_ table: TableIndex, at position: SourcePosition) {
    for entry in entries(of: table) {
      do throws(Pattern.Fault) {
        _ = try Pattern(parsing: entry, .ignored)
      } catch {
        guard report(.pattern(entry, error), of: entry, in: table, at: position) else { return }
      }
    }
  }

  private func assign<Value>(
    _ value: Value,
    _ position: SourcePosition,
    _ what: String,
    _ place: inout Value?
  ) throws(SyntaxFault) {
    guard place == nil else {
      throw SyntaxFault(complaint: .repeated("\"\(what)\""), position: position)
    }
    place = value
  }
}

/// What a `match` has said so far.
private struct MatchCriteria {
  var source: Rule.Source?
  var destination: Rule.Destination?
  var authentication: Rule.Authentication?
  var encryption: Rule.Sense?
  var tag: Rule.Test?
  var helo: Rule.Test?
  var sender: Rule.Test?
  var recipient: Rule.Test?

  /// Without `from` only this host's mail, without `for` only this host's domains.
  func rule(line: Int, _ outcome: Rule.Outcome) -> Rule {
    var rule = Rule(
      line: line,
      source: source ?? .local(.holds),
      destination: destination ?? .local(.holds),
      outcome: outcome
    )
    rule.tag = tag
    rule.helo = helo
    rule.authentication = authentication
    rule.encryption = encryption
    rule.sender = sender
    rule.recipient = recipient
    return rule
  }
}
