// SPDX-License-Identifier: ISC

internal import Mail

/// The options of `action NAME relay`.
extension Parser {
  private static var relayOptions: [String] {
    [
      "host", "domain", "backup", "helo", "helo-src", "src", "mail-from", "tls", "pki", "ca",
      "ciphers", "protocols", "auth", "filter", "srs", "ttl",
    ]
  }

  mutating func parseRelay(_ name: String) throws(SyntaxFault) -> DeliveryAction {
    var relay = DeliveryAction.Relay()
    var timeToLive: Duration?
    var urls: [RelayURL] = []
    let places = try parseOptions(
      of: "action relay",
      among: Parser.relayOptions,
      exclusive: [["host", "domain", "backup"], ["helo", "helo-src"]]
    ) { parser, word, position throws(SyntaxFault) in
      switch word {
      case "host": urls = try parser.relayHosts(&relay)
      case "domain": urls = try parser.relayDomains(&relay)
      case "helo": relay.helo = try parser.hostName("a host name")
      case "helo-src": try parser.heloNames(&relay)
      case "src": try parser.sourceAddresses(&relay)
      case "mail-from": relay.rewrite = try parser.senderRewrite()
      case "backup":
        let isNamed = try parser.accept("mx")
        relay.backup = isNamed ? try parser.hostName("a host name") : parser.draft.serverName
      case "ttl": timeToLive = try parser.duration()
      default: try parser.relaySetting(word, at: position, &relay)
      }
    }
    try checkCredentials(urls, places)
    return DeliveryAction(name: name, method: .relay(relay), timeToLive: timeToLive)
  }

  private mutating func relaySetting(
    _ word: String,
    at position: SourcePosition,
    _ relay: inout DeliveryAction.Relay
  ) throws(SyntaxFault) {
    switch word {
    case "tls":
      relay.security.encryption = .required
      if try accept("no-verify") { relay.security.verification = .waived }
    case "pki": relay.security.certificate = try certificateName(.pki)
    case "ca": relay.security.authority = try certificateName(.ca)
    case "ciphers": relay.security.ciphers = try ciphers(.client)
    case "protocols": relay.security.protocols = try protocols()
    case "auth":
      use(.relayAuthentication, at: position)
      relay.credentials = try table(.map, for: .credentials).0
      return
    case "filter":
      relay.filter = try filterReference(of: "action relay", at: position)
      return
    default:
      use(.srs, by: "action relay srs", at: position)
      references.srsUses.append(position)
      relay.forwardedSender = .rewritten
      return
    }
    use(.relayTLS, at: position)
  }

  /// A password needs hosts that are known by a label, and a label a password.
  private func checkCredentials(
    _ urls: [RelayURL],
    _ places: [String: SourcePosition]
  ) throws(SyntaxFault) {
    let hasLabels = urls.contains { $0.label != nil }
    if let position = places["auth"] {
      guard places["host"] != nil || places["domain"] != nil else {
        throw SyntaxFault(complaint: .needs("auth", "host or domain"), position: position)
      }
      guard hasLabels || urls.isEmpty else {
        throw SyntaxFault(complaint: .needs("auth", "a label in a relay's URL"), position: position)
      }
    } else if hasLabels, let position = places["host"] ?? places["domain"] {
      throw SyntaxFault(complaint: .needs("a label", "auth"), position: position)
    }
  }

  /// Returns the hosts as far as they are known by now.
  private mutating func relayHosts(
    _ relay: inout DeliveryAction.Relay
  ) throws(SyntaxFault) -> [RelayURL] {
    let place = try peek().position
    let (index, position) = try table(.list, for: .relayHost)
    let hosts = keys(of: index, at: position) { entry throws(Complaint.Refusal) in
      try Parser.url(entry)
    }
    if mayChange(index) { relay.tables.hosts = index } else { relay.hosts = hosts }
    // Without a host mail would go where its domain says.
    if case .list(let entries)? = contents(of: index), entries.isEmpty {
      report(.empty("host"), at: position)
    }
    noteEncryption(of: hosts, at: place)
    return hosts
  }

  /// The same for hosts by domain.
  private mutating func relayDomains(
    _ relay: inout DeliveryAction.Relay
  ) throws(SyntaxFault) -> [RelayURL] {
    let place = try peek().position
    let (index, position) = try table(.map, for: .relayHost)
    relay.tables.domains = index
    var hosts: [RelayURL] = []
    for pair in pairs(of: index) {
      guard HostName.isValid(pair.key) else {
        report(.hostName(pair.key), of: pair.key, in: index, at: position)
        continue
      }
      do throws(Complaint.Refusal) {
        hosts.append(try Parser.url(pair.value))
      } catch {
        report(error.complaint, of: pair.key, .value, in: index, at: position)
      }
    }
    noteEncryption(of: hosts, at: place)
    return hosts
  }

  private mutating func noteEncryption(of urls: [RelayURL], at position: SourcePosition) {
    if urls.contains(where: { $0.transport.authenticates }) { use(.relayTLS, at: position) }
  }

  private static func url(_ text: String) throws(Complaint.Refusal) -> RelayURL {
    do throws(RelayURL.Fault) {
      return try RelayURL(parsing: text)
    } catch {
      throw Complaint.Refusal(complaint: .relayURL(text, error))
    }
  }

  private mutating func sourceAddresses(
    _ relay: inout DeliveryAction.Relay
  ) throws(SyntaxFault) {
    let (index, position) = try table(.either, for: .source)
    let sources = keys(of: index, at: position) { entry throws(Complaint.Refusal) in
      guard let block = NetworkBlock(parsing: entry), !entry.contains("/") else {
        throw Complaint.Refusal(complaint: .address(entry))
      }
      return block.address
    }
    if mayChange(index) { relay.tables.sources = index } else { relay.sources = sources }
  }

  /// The values that a table's entries stand for, in the order of the entries.
  private mutating func keys<Value>(
    of index: TableIndex,
    at position: SourcePosition,
    _ value: (String) throws(Complaint.Refusal) -> Value
  ) -> [Value] {
    var values: [Value] = []
    for entry in contents(of: index)?.keys ?? [] {
      do throws(Complaint.Refusal) {
        values.append(try value(entry))
      } catch {
        report(error.complaint, of: entry, in: index, at: position)
      }
    }
    return values
  }

  private func pairs(of index: TableIndex) -> [TableDeclaration.Pair] {
    guard case .map(let pairs)? = contents(of: index) else { return [] }
    return pairs
  }

  private mutating func heloNames(_ relay: inout DeliveryAction.Relay) throws(SyntaxFault) {
    let (index, position) = try table(.map, for: .addressName)
    let names = namesByAddress(in: index, at: position)
    if mayChange(index) { relay.tables.heloNames = index } else { relay.heloBySource = names }
  }

  /// What a table says that gives this host's names by its addresses, as far as it is known by now.
  @discardableResult
  mutating func namesByAddress(
    in index: TableIndex,
    at position: SourcePosition
  ) -> [IPAddress: String] {
    var names: [IPAddress: String] = [:]
    for pair in pairs(of: index) {
      guard let block = NetworkBlock(parsing: pair.key), !pair.key.contains("/") else {
        report(.address(pair.key), of: pair.key, in: index, at: position)
        continue
      }
      guard HostName.isValid(pair.value) else {
        report(.hostName(pair.value), of: pair.key, .value, in: index, at: position)
        continue
      }
      names[block.address] = pair.value
    }
    return names
  }

  private mutating func senderRewrite() throws(SyntaxFault) -> DeliveryAction.SenderRewrite {
    let (text, position) = try string("a mail address, @domain or a user")
    do throws(Address.SyntaxError) {
      if text.first == "@" {
        return .domain(try Address(parsing: "user\(text)").domain)
      }
      if text.contains("@") { return .address(try Address(parsing: text)) }
      return .local(try Address(parsing: text, completedWith: "localhost").local)
    } catch {
      throw SyntaxFault(complaint: .mailAddress(text), position: position)
    }
  }
}

extension Complaint {
  /// A table's entry that an option cannot use.
  struct Refusal: Error {
    var complaint: Complaint
  }
}
