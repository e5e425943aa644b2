// SPDX-License-Identifier: ISC

/// `filter NAME phase PHASE match [!] CONDITION DECISION`.
extension Parser {
  private static var conditions: [String] {
    ["fcrdns", "rdns", "src", "helo", "auth", "mail-from", "rcpt-to"]
  }
  private static var decisions: [String] {
    ["reject", "disconnect", "rewrite", "report", "junk", "bypass"]
  }

  mutating func builtIn() throws(SyntaxFault) -> Filter.BuiltIn {
    let phases = Filter.Phase.allCases.map(\.rawValue)
    let token = try peek()
    let (word, _) = try choice(of: "filter phase", among: phases)
    guard let phase = Filter.Phase(rawValue: word) else { throw unexpected(token, phases) }
    _ = try choice(of: "filter phase", among: ["match"])
    let condition = try filterCondition(in: phase)
    return Filter.BuiltIn(
      phase: phase,
      condition: condition,
      decision: try filterDecision(in: phase)
    )
  }

  private mutating func filterCondition(
    in phase: Filter.Phase
  ) throws(SyntaxFault) -> Filter.Condition {
    let sense: Rule.Sense = try accept(symbol: "!") ? .fails : .holds
    let (word, position) = try choice(of: "filter match", among: Parser.conditions)
    guard phase.knows(condition: word) else {
      throw SyntaxFault(complaint: .phase(word, phase), position: position)
    }
    switch word {
    case "fcrdns": return .confirmedName(sense)
    case "rdns": return try hasTable() ? .reverseName(test(sense, .domain)) : .named(sense)
    case "src":
      let place = try peek().position
      let test = try test(sense, .networkAddress)
      checkNetworks(test, at: place)
      return .address(test)
    case "helo": return .helo(try test(sense, .domain))
    case "auth": return try hasTable() ? .user(test(sense, .string)) : .authenticated(sense)
    case "mail-from": return .sender(try test(sense, .mailAddress))
    default: return .recipient(try test(sense, .mailAddress))
    }
  }

  private mutating func filterDecision(
    in phase: Filter.Phase
  ) throws(SyntaxFault) -> Filter.Decision {
    let (word, position) = try choice(of: "filter match", among: Parser.decisions)
    switch word {
    case "reject": return .reject(try refusal())
    case "disconnect": return .disconnect(try refusal())
    case "rewrite": return .rewrite(try string("what replaces the argument").0)
    case "report": return .report(try string("what is reported").0)
    default:
      guard phase != .commit else {
        throw SyntaxFault(complaint: .phase(word, phase), position: position)
      }
      return word == "junk" ? .junk : .bypass
    }
  }

  /// A reply that refuses.
  private mutating func refusal() throws(SyntaxFault) -> String {
    let (text, position) = try string("a reply")
    let bytes = Array(text.utf8)
    guard bytes.count >= 4, bytes[0] == UInt8(ascii: "4") || bytes[0] == UInt8(ascii: "5"),
      bytes[1...2].allSatisfy({ 0x30...0x39 ~= $0 }), bytes[3] == 0x20,
      bytes.allSatisfy({ 0x20...0x7e ~= $0 })
    else {
      throw SyntaxFault(complaint: .reply(text), position: position)
    }
    return text
  }
}

extension Filter.Phase {
  /// Whether a session knows enough in this phase.
  fileprivate func knows(condition: String) -> Bool {
    switch condition {
    case "helo": self != .connect
    case "auth": ![.connect, .helo, .ehlo].contains(self)
    case "mail-from": [.mailFrom, .rcptTo, .data, .commit].contains(self)
    case "rcpt-to": self == .rcptTo
    default: true
    }
  }
}
