// SPDX-License-Identifier: ISC

extension Complaint {
  /// What was expected, and what may have been meant; nil where the text says all.
  package var hint: String? {
    if let nameHint { return nameHint }
    return grammarHint ?? valueHint ?? formatHint
  }

  private var grammarHint: String? {
    switch self {
    case .unexpected(_, let expected, let nearest):
      join(expected.isEmpty ? nil : "expected \(list(expected))", nearest)
    case .needsQuotes(_, let expected), .unquoted(_, let expected): "expected \(expected)"
    case .withoutEffect: "what is under way is bounded by max-inflight"
    case .numberOutOfRange: "expected a number of at most 64 bits"
    case .tooLong(_, let limit): "expected at most \(limit) characters"
    case .tooMany(_, let limit): "expected at most \(limit)"
    case .outOfRange(_, _, let range):
      "expected a number from \(range.lowerBound) to \(range.upperBound)"
    default: nil
    }
  }

  private var nameHint: String? {
    switch self {
    case .undefinedMacro(_, let nearest), .unknownTable(_, let nearest),
      .unknownAction(_, let nearest), .undeclared(_, _, let nearest):
      join(nil, nearest)
    case .tableKind(_, .map): "expected keys with values: { key = value }"
    case .tableKind: "expected a list: { entry, entry }"
    case .addressesAsPairs:
      "expected a list: IPv6 addresses need \"# @list\" above the first one, or brackets around each"
    case .hides(let name):
      "below, <\(name)> is this table; what asks the other one without its name, such as local, goes on to"
    case .tablePath: "expected a path that begins with \"/\", perhaps behind TYPE:"
    case .tableType: "expected letters, digits, \"-\" and \"_\" before the colon"
    case .accountsOnly: "it has the accounts of this machine, which only userbase asks"
    case .entry(_, _, let complaint), .usedEntry(_, _, let complaint): complaint.hint
    default: nil
    }
  }

  private var valueHint: String? {
    switch self {
    case .duration: "expected a positive whole number followed by s, m, h or d"
    case .size: "expected a number of bytes, perhaps followed by K, M or G"
    case .address: "expected an IPv4 or IPv6 address"
    case .network: "expected an IPv4 or IPv6 address, perhaps with /PREFIX, or local"
    case .nameServer(_, let nearest):
      join("expected system, recursive, or an address, perhaps with @PORT", nearest)
    case .unresolved("all", _), .unresolved("egress", _):
      "expected an interface, an address or the name of a host; those of all interfaces are 0.0.0.0 and ::"
    case .unresolved: "expected an interface, an address or the name of a host"
    case .hostName: "expected letters, digits, hyphens and dots"
    case .unknownService(_, let nearest):
      join("expected a number from 1 to 65535, or the name of a service", nearest)
    case .delimiter: "expected one printable character, neither a space nor \"@\""
    case .mailAddress: "expected user@domain, @domain or user"
    case .userName, .groupName: "expected a name without spaces, \"/\", \":\" and \",\""
    case .pattern: "expected a POSIX extended regular expression"
    case .lmtpDestination: "expected host:port, [address]:port or the absolute path of a socket"
    case .reply: "expected 4yz or 5yz, a space and a text"
    case .keyLength: "expected \(QueueEncryption.keyLength) bytes"
    case .pamService:
      "expected lower-case letters, digits, \"-\", \"_\" and \".\", or the absolute path of a file so named"
    case .days: "expected whole days"
    case .path: "expected a path that begins with \"/\""
    default: nil
    }
  }

  private var formatHint: String? {
    switch self {
    case .format(_, .unknownToken(let name)):
      join(nil, Spelling.nearest(to: name.lowercased(), in: Complaint.tokens + ["mda"]))
        ?? "expected \(list(Complaint.tokens)); in a wrapper mda"
    case .format(_, .unknownModifier): "expected lowercase, uppercase, strip or raw"
    case .format(_, .program(let token)):
      "expected a program of your own, which may take it as an argument: \"/path/to/program %{\(token.rawValue)}\""
    case .format(_, .slice): "expected [i], [a:b], [a:] or [:b], of whole numbers"
    case .relayURL(_, .unknownProtocol(let name)):
      join(
        "expected smtp, smtp+tls, smtp+notls, smtps or lmtp",
        Spelling.nearest(to: name, in: ["smtp", "smtp+tls", "smtp+notls", "smtps", "lmtp"])
      )
    default: nil
    }
  }

  /// What every format may have.
  private static var tokens: [String] {
    Format.Token.allCases.filter { $0 != .command }.map(\.rawValue)
  }

  private func join(_ expectation: String?, _ nearest: String?) -> String? {
    let suggestion = nearest.map { "did you mean \"\($0)\"?" }
    return switch (expectation, suggestion) {
    case (let first?, let second?): "\(first); \(second)"
    case (let first, let second): first ?? second
    }
  }

  private func list(_ words: [String]) -> String {
    guard let last = words.last else { return "" }
    // One word of the grammar alone would read as one of the sentence.
    if words.count == 1 { return ReservedWord.all.contains(last) ? "\"\(last)\"" : last }
    return "\(words.dropLast().joined(separator: ", ")) or \(last)"
  }
}
