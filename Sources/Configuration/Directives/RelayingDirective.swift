// SPDX-License-Identifier: ISC

/// `mta max-deferred N`, `mta limit [for domain NAME] …`.
extension Parser {
  mutating func parseRelaying() throws(SyntaxFault) {
    let (word, _) = try choice(of: "mta", among: ["limit", "max-deferred"])
    if word == "max-deferred" {
      draft.deferredMax = try number(word, in: 0...1_000_000)
      return try endOfStatement()
    }
    var domain: String?
    if try accept("for") {
      _ = try choice(of: "mta limit for", among: ["domain"])
      domain = try hostName("a domain").lowercased()
    }
    var limits = domain.flatMap { draft.relayLimitsByDomain[$0] } ?? draft.relayLimits
    let owner = TaskMarks.Owner.relay(domain: domain)
    // A domain begins with what was stated of all.
    var marks = taskMarks[owner] ?? taskMarks[.relay(domain: nil)] ?? TaskMarks()
    let keys = RelayLimits.Key.allCases.map(\.rawValue)
    try parseLimits(of: "mta limit", among: ["inet4", "inet6"] + keys) {
      parser,
      word,
      position throws(SyntaxFault) in
      switch word {
      case "inet4": limits.family = .inet4
      case "inet6": limits.family = .inet6
      default:
        guard let key = RelayLimits.Key(rawValue: word) else { return }
        marks.state(word, at: position)
        limits[key] = try parser.number(word, in: key.range)
      }
    }
    taskMarks[owner] = marks
    if let domain {
      draft.relayLimitsByDomain[domain] = limits
    } else {
      draft.relayLimits = limits
    }
  }
}

extension RelayLimits.Key {
  /// Counts of connections are at least one, else nothing would ever leave.
  fileprivate var range: ClosedRange<Int64> {
    switch self {
    case .connectionsPerHostMax, .connectionsPerRouteMax, .connectionsPerSourceMax,
      .connectionsPerConnectorMax, .connectionsPerRelayMax, .connectionsPerDomainMax,
      .sessionMailsMax, .sessionFailuresMax, .tasksHigh, .tasksRelease:
      1...1_000_000
    case .connectionDelayHost, .connectionDelayRoute, .connectionDelaySource,
      .connectionDelayConnector, .connectionDelayRelay, .connectionDelayDomain,
      .reconnectionDelayRoute, .sessionTransactionDelay, .sessionKeepAlive, .tasksLow:
      0...1_000_000
    }
  }
}
