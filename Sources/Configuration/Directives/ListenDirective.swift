// SPDX-License-Identifier: ISC

internal import Mail

/// `listen on TARGET [inet4|inet6] [options]`, `listen on socket [options]`.
extension Parser {
  /// Characters of the longest tag.
  private static var tagMax: Int { 32 }

  private static var sharedOptions: [String] { ["filter", "tag", "mask-src", "no-dsn"] }
  private static var networkOptions: [String] {
    [
      "inet4", "inet6", "port", "tls", "tls-require", "smtps", "pki", "ca", "ciphers", "protocols",
      "auth", "auth-optional", "senders", "hostname", "hostnames", "received-auth", "proxy-v2",
    ] + sharedOptions
  }
  /// `pki` of one listener.
  private static var certificatesMax: Int { 32 }

  mutating func parseListen() throws(SyntaxFault) {
    _ = try choice(of: "listen", among: ["on"])
    if try peek().isWord("socket") { return try parseSocketListener() }
    let (target, place) = try string("an interface, an address, a host name or \"socket\"")
    var options = Listener.Options()
    var family = Listener.Family.any
    var port: UInt16?
    let places = try parseOptions(
      of: "listen on",
      among: Parser.networkOptions,
      exclusive: [
        ["inet4", "inet6"], ["tls", "tls-require", "smtps"], ["auth", "auth-optional"],
      ],
      repeatable: ["pki"]
    ) { parser, word, position throws(SyntaxFault) in
      switch word {
      case "inet4": family = .inet4
      case "inet6": family = .inet6
      case "port": port = try parser.port()
      default: try parser.networkOption(word, at: position, &options)
      }
    }
    try endOfStatement()
    check(options, places)
    let usual: UInt16 = options.security.encryption == .immediate ? 465 : 25
    for resolved in try targets(named: target, family, at: place) {
      guard isNew(ListenPlace(target: resolved, port: port ?? usual), at: place) else { continue }
      draft.listeners.append(Listener(target: resolved, port: port ?? usual, options: options))
    }
  }

  private mutating func parseSocketListener() throws(SyntaxFault) {
    let place = try next().position
    var options = Listener.Options()
    _ = try parseOptions(of: "listen on socket", among: Parser.sharedOptions) {
      parser,
      word,
      position throws(SyntaxFault) in
      try parser.sharedOption(word, at: position, &options)
    }
    try endOfStatement()
    guard seenSettings.insert("listen on socket").inserted else {
      return report(.repeated("\"listen on socket\""), at: place)
    }
    draft.socketOptions = options
  }

  private mutating func networkOption(
    _ word: String,
    at position: SourcePosition,
    _ options: inout Listener.Options
  ) throws(SyntaxFault) {
    switch word {
    case "hostname": options.hostName = try hostName("a host name")
    case "hostnames":
      let (table, place) = try table(.map, for: .addressName)
      namesByAddress(in: table, at: place)
      options.hostNames = table
    case "received-auth":
      use(.receivedAuthentication, at: position)
      options.receivedAuthentication = .shown
    case "proxy-v2": options.proxyHeader = .version2
    case "senders":
      use(.senders, at: position)
      let table = try table(.map, for: .mailAddressMap).0
      let header: Listener.Senders.Header = try accept("masquerade") ? .replaced : .kept
      options.senders = Listener.Senders(table: table, header: header)
    case "auth", "auth-optional":
      use(.listenerAuthentication, at: position)
      options.authentication.policy = word == "auth" ? .required : .optional
      if try tableFollows() {
        options.authentication.credentials = try table(.map, for: .credentials).0
      }
    case "tls", "tls-require", "smtps", "pki", "ca", "ciphers", "protocols":
      use(.listenerTLS, at: position)
      try securityOption(word, at: position, &options.security)
    default: try sharedOption(word, at: position, &options)
    }
  }

  private mutating func securityOption(
    _ word: String,
    at position: SourcePosition,
    _ security: inout Listener.Security
  ) throws(SyntaxFault) {
    switch word {
    case "pki":
      let name = try certificateName(.pki)
      guard !security.certificates.contains(name) else {
        throw SyntaxFault(complaint: .repeated("pki \"\(name)\""), position: position)
      }
      security.certificates.append(name)
      guard security.certificates.count <= Parser.certificatesMax else {
        throw SyntaxFault(
          complaint: .tooMany("pki", limit: Parser.certificatesMax),
          position: position
        )
      }
    case "ca": security.authority = try certificateName(.ca)
    case "ciphers": security.ciphers = try ciphers(.server)
    case "protocols": security.protocols = try protocols()
    case "tls":
      security.encryption = .offered
      let following = try peek()
      guard !following.isWord("verify") else {
        throw SyntaxFault(
          complaint: .needs("verify", "tls-require or smtps"),
          position: following.position
        )
      }
    default:
      security.encryption = word == "smtps" ? .immediate : .required
      if try accept("verify") { security.clientCertificate = .demanded }
    }
  }

  /// What would leave sessions without the protection that the options speak of.
  private mutating func check(_ options: Listener.Options, _ places: [String: SourcePosition]) {
    let encryptions = ["tls", "tls-require", "smtps"]
    guard options.security.encryption == .none else {
      if options.security.certificates.isEmpty {
        for word in encryptions {
          if let position = places[word] { report(.needs(word, "pki"), at: position) }
        }
      }
      return
    }
    for word in ["auth", "auth-optional", "pki"] {
      guard let position = places[word] else { continue }
      report(.needs(word, "tls, tls-require or smtps"), at: position)
    }
  }

  private mutating func sharedOption(
    _ word: String,
    at position: SourcePosition,
    _ options: inout Listener.Options
  ) throws(SyntaxFault) {
    switch word {
    case "filter": options.filter = try filterReference(of: "listen on", at: position)
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
    guard let port = servicePort(name) else { throw unknownService(name, at: position) }
    return port
  }

  /// The port of a service by the host's services(5), or of those for mail.
  func servicePort(_ name: String) -> UInt16? {
    draft.facts.services[name] ?? Parser.mailServices[name]
  }

  func unknownService(_ name: String, at position: SourcePosition) -> SyntaxFault {
    let known = Array(Parser.mailServices.keys).sorted()
    return SyntaxFault(
      complaint: .unknownService(name, nearest: Spelling.nearest(to: name, in: known)),
      position: position
    )
  }

  private static var mailServices: [String: UInt16] {
    ["lmtp": 24, "smtp": 25, "mail": 25, "smtps": 465, "submissions": 465, "submission": 587]
  }
}
