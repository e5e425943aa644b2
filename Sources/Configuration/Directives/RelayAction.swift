// SPDX-License-Identifier: ISC

internal import Mail

/// The options of `action NAME relay`.
extension Parser {
  private static var relayOptions: [String] {
    ["host", "helo", "helo-src", "src", "mail-from", "backup", "ttl"]
  }
  private static var unsupportedRelayOptions: [String] {
    ["domain", "pki", "ca", "ciphers", "protocols", "tls", "auth", "filter", "srs"]
  }

  mutating func parseRelay(_ name: String) throws(SyntaxFault) -> DeliveryAction {
    var relay = DeliveryAction.Relay()
    var timeToLive: Duration?
    var given: Set<String> = []
    while let (word, position) = try option(
      of: "action relay",
      among: Parser.relayOptions,
      unsupported: Parser.unsupportedRelayOptions
    ) {
      guard given.insert(word).inserted else {
        throw SyntaxFault(complaint: .repeated(word), position: position)
      }
      for (one, other) in [("host", "backup"), ("helo", "helo-src")]
      where given.contains(one) && given.contains(other) {
        throw SyntaxFault(complaint: .exclusive(one, other), position: position)
      }
      switch word {
      case "host": relay.hosts = try relayHosts()
      case "helo": relay.helo = try hostName("a host name")
      case "helo-src": relay.heloBySource = try heloNames()
      case "src": relay.sources = try sourceAddresses()
      case "mail-from": relay.rewrite = try senderRewrite()
      case "backup":
        relay.backup = try accept("mx") ? hostName("a host name") : draft.serverName
      default: timeToLive = try duration()
      }
    }
    return DeliveryAction(name: name, method: .relay(relay), timeToLive: timeToLive)
  }

  private mutating func relayHosts() throws(SyntaxFault) -> [RelayURL] {
    try tableEntries { entry throws(Complaint.Refusal) in
      do throws(RelayURL.Fault) {
        let url = try RelayURL(parsing: entry)
        switch url.transport {
        case .smtp, .smtpWithoutTLS, .lmtp: return url
        case .smtpRequiringTLS, .smtps: break
        }
      } catch {
        throw Complaint.Refusal(complaint: .relayURL(entry, error))
      }
      throw Complaint.Refusal(complaint: .unsupported("TLS to a relay host (\"\(entry)\")"))
    }
  }

  private mutating func sourceAddresses() throws(SyntaxFault) -> [IPAddress] {
    try tableEntries { entry throws(Complaint.Refusal) in
      guard let block = NetworkBlock(parsing: entry), !entry.contains("/") else {
        throw Complaint.Refusal(complaint: .address(entry))
      }
      return block.address
    }
  }

  /// The values that a list's entries stand for, in the order of the entries.
  private mutating func tableEntries<Value>(
    _ value: (String) throws(Complaint.Refusal) -> Value
  ) throws(SyntaxFault) -> [Value] {
    let (index, position) = try table(.list)
    guard case .list(let entries)? = contents(of: index) else { return [] }
    var values: [Value] = []
    for entry in entries {
      do throws(Complaint.Refusal) {
        values.append(try value(entry))
      } catch {
        report(error.complaint, at: position)
      }
    }
    return values
  }

  private mutating func heloNames() throws(SyntaxFault) -> [IPAddress: String] {
    let (index, position) = try table(.map)
    guard case .map(let pairs)? = contents(of: index) else { return [:] }
    var names: [IPAddress: String] = [:]
    for pair in pairs {
      guard let block = NetworkBlock(parsing: pair.key), !pair.key.contains("/") else {
        report(.address(pair.key), at: position)
        continue
      }
      guard HostName.isValid(pair.value) else {
        report(.hostName(pair.value), at: position)
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
