// SPDX-License-Identifier: ISC

internal import Mail

/// `listen on TARGET [inet4|inet6] [options]`, `listen on socket [options]`.
extension Parser {
  /// Characters of the longest tag.
  private static var tagMax: Int { 32 }

  private static var networkOptions: [String] {
    ["inet4", "inet6", "port", "hostname", "tag", "mask-src", "no-dsn"]
  }
  private static var socketOptions: [String] { ["tag", "mask-src", "no-dsn"] }
  private static var unsupportedNetworkOptions: [String] {
    [
      "filter", "smtps", "tls", "tls-require", "ciphers", "protocols", "pki", "ca", "auth",
      "auth-optional", "hostnames", "received-auth", "proxy-v2", "senders",
    ]
  }

  mutating func parseListen() throws(SyntaxFault) {
    _ = try choice(of: "listen", among: ["on"])
    if try peek().isWord("socket") { return try parseSocketListener() }
    let (target, place) = try string("an interface, an address, a host name or \"socket\"")
    var options = Listener.Options()
    var family = Listener.Family.any
    var port: UInt16 = 25
    var given: Set<String> = []
    while let (word, position) = try option(
      of: "listen on",
      among: Parser.networkOptions,
      unsupported: Parser.unsupportedNetworkOptions
    ) {
      let isNew = given.insert(word).inserted
      guard isNew else { throw SyntaxFault(complaint: .repeated(word), position: position) }
      switch word {
      case "inet4", "inet6":
        guard family == .any else {
          throw SyntaxFault(complaint: .exclusive("inet4", "inet6"), position: position)
        }
        family = word == "inet4" ? .inet4 : .inet6
      case "port": port = try self.port()
      case "hostname": options.hostName = try hostName("a host name")
      default: try sharedOption(word, &options)
      }
    }
    try endOfStatement()
    for resolved in try targets(named: target, family, at: place) {
      draft.listeners.append(Listener(target: resolved, port: port, options: options))
    }
  }

  private mutating func parseSocketListener() throws(SyntaxFault) {
    let place = try next().position
    var options = Listener.Options()
    while let (word, _) = try option(
      of: "listen on socket",
      among: Parser.socketOptions,
      unsupported: ["filter"]
    ) {
      try sharedOption(word, &options)
    }
    try endOfStatement()
    guard seenSettings.insert("listen on socket").inserted else {
      return report(.repeated("\"listen on socket\""), at: place)
    }
    draft.socketOptions = options
  }

  private mutating func sharedOption(
    _ word: String,
    _ options: inout Listener.Options
  ) throws(SyntaxFault) {
    switch word {
    case "mask-src": options.receivedSource = .masked
    case "no-dsn": options.notifications = .refused
    default:
      let (tag, position) = try string("a tag")
      guard tag.count <= Parser.tagMax else {
        throw SyntaxFault(complaint: .tooLong("tag", limit: Parser.tagMax), position: position)
      }
      guard tag.utf8.allSatisfy({ 0x20...0x7e ~= $0 }) else {
        throw SyntaxFault(complaint: .text("tag"), position: position)
      }
      options.tag = tag
    }
  }

  /// A number, or the name of a service; the two names that are reserved words need no quotes.
  private mutating func port() throws(SyntaxFault) -> UInt16 {
    if try accept("smtp") { return 25 }
    if try accept("smtps") { return 465 }
    if case .number = try peek().kind { return UInt16(try number("port", in: 1...65_535)) }
    let (name, position) = try string("a port's number or name")
    guard let port = draft.facts.services[name] ?? Parser.mailServices[name] else {
      throw SyntaxFault(complaint: .unknownService(name), position: position)
    }
    return port
  }

  private static var mailServices: [String: UInt16] {
    ["lmtp": 24, "smtp": 25, "mail": 25, "smtps": 465, "submissions": 465, "submission": 587]
  }

  /// Interface or group, IPv4, IPv6, the hosts file; else a name that the system resolves later.
  private func targets(
    named text: String,
    _ family: Listener.Family,
    at position: SourcePosition
  ) throws(SyntaxFault) -> [Listener.Target] {
    let interfaces = draft.facts.interfaces.filter { $0.name == text || $0.groups.contains(text) }
    if !interfaces.isEmpty {
      let addresses = interfaces.flatMap(\.addresses).filter { family.admits($0) && !$0.needsZone }
      guard !addresses.isEmpty else {
        throw SyntaxFault(complaint: .noAddresses(interface: text), position: position)
      }
      return addresses.map { .address($0) }
    }
    let inner = text.first == "[" && text.last == "]" ? String(text.dropFirst().dropLast()) : text
    if let address = IPAddress(parsing: inner) {
      guard family.admits(address) else {
        throw SyntaxFault(
          complaint: .exclusive("\"\(text)\"", family == .inet4 ? "inet4" : "inet6"),
          position: position
        )
      }
      return [.address(address)]
    }
    guard HostName.isValid(text) else {
      throw SyntaxFault(complaint: .hostName(text), position: position)
    }
    let known = HostsFile.addresses(of: text, in: draft.facts.hostsText).filter(family.admits)
    return known.isEmpty ? [.name(text, family)] : known.map { .address($0) }
  }
}

extension Listener.Family {
  fileprivate func admits(_ address: IPAddress) -> Bool {
    switch (self, address) {
    case (.any, _), (.inet4, .inet4), (.inet6, .inet6): true
    default: false
    }
  }
}

extension IPAddress {
  /// Link-local: the address means nothing without its interface.
  fileprivate var needsZone: Bool {
    guard case .inet6(let high, _) = self else { return false }
    return high >> 54 == 0xfe80 >> 6
  }
}

/// The text of `/etc/hosts`.
enum HostsFile {
  /// Every address that a line gives to the name, in the file's order.
  static func addresses(of name: String, in text: String) -> [IPAddress] {
    let name = name.lowercased()
    var found: [IPAddress] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
      guard let first = words.first, let address = IPAddress(parsing: first) else { continue }
      if words.dropFirst().contains(where: { $0.lowercased() == name }), !found.contains(address) {
        found.append(address)
      }
    }
    return found
  }
}
