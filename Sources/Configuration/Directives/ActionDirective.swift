// SPDX-License-Identifier: ISC

/// `action NAME METHOD [options] [ttl DURATION]`.
extension Parser {
  /// Bytes of the longest name: so many have room in an envelope's record.
  private static var actionNameMax: Int { 255 }

  private static var methods: [String] {
    ["mbox", "maildir", "lmtp", "mda", "forward-only", "expand-only", "relay"]
  }

  mutating func parseAction() throws(SyntaxFault) {
    let (name, position) = try self.name("an action's name")
    let action = try declaring(name, as: .action) { parser throws(SyntaxFault) in
      guard name.utf8.count <= Parser.actionNameMax else {
        throw SyntaxFault(
          complaint: .tooLong("an action's name", limit: Parser.actionNameMax),
          position: position
        )
      }
      let (method, place) = try parser.choice(of: "action", among: Parser.methods)
      let action =
        method == "relay"
        ? try parser.parseRelay(name)
        : try parser.localAction(name, parser.agent(method, at: place), method)
      try parser.endOfStatement()
      return action
    }
    guard actionIndexes[name] == nil else {
      return report(.duplicateAction(name), at: position)
    }
    actionIndexes[name] = draft.actions.count
    draft.actions.append(action)
  }

  private mutating func agent(
    _ method: String,
    at position: SourcePosition
  ) throws(SyntaxFault) -> DeliveryAction.Local.Agent {
    switch method {
    case "mbox":
      use(.mbox, at: position)
      return .mbox
    case "maildir":
      var path: Format?
      let token = try peek()
      var begins = token.stringValue != nil
      if case .symbol(let byte) = token.kind { begins = Parser.beginsText(byte) }
      if begins { path = try format("a path", for: .path) }
      return .maildir(path: path, junk: try accept("junk") ? .ownFolder : .inPlace)
    case "lmtp":
      use(.lmtp, at: position)
      return .lmtp(try lmtp())
    case "forward-only":
      use(.forwardOnly, at: position)
      return .forwardOnly
    case "expand-only":
      use(.expandOnly, at: position)
      return .expandOnly
    default:
      return .command(try format("a command", for: .command))
    }
  }

  private mutating func lmtp() throws(SyntaxFault) -> DeliveryAction.LMTP {
    let (text, position) = try string("host:port or a socket's path")
    let destination: DeliveryAction.LMTP.Destination
    do throws(DeliveryAction.LMTP.Destination.Fault) {
      destination = try DeliveryAction.LMTP.Destination(parsing: text) { servicePort($0) }
    } catch .service(let name) {
      throw unknownService(name, at: position)
    } catch {
      throw SyntaxFault(complaint: .lmtpDestination(text), position: position)
    }
    return DeliveryAction.LMTP(
      destination: destination,
      recipient: try accept("rcpt-to") ? .address : .user
    )
  }

  private mutating func localAction(
    _ name: String,
    _ agent: DeliveryAction.Local.Agent,
    _ method: String
  ) throws(SyntaxFault) -> DeliveryAction {
    var local = DeliveryAction.Local(agent: agent)
    var timeToLive: Duration?
    let places = try parseOptions(
      of: "action \(method)",
      among: ["user", "alias", "virtual", "userbase", "wrapper", "ttl"],
      exclusive: [["alias", "virtual"]]
    ) { parser, word, position throws(SyntaxFault) in
      switch word {
      case "user": local.user = try parser.userName()
      case "alias":
        parser.use(.alias, at: position)
        local.aliases = .alias(try parser.valueTable(.alias))
      case "virtual":
        parser.use(.virtual, at: position)
        local.aliases = .virtual(try parser.valueTable(.alias))
      case "userbase":
        parser.use(.userBase, at: position)
        local.userBase = try parser.valueTable(.userInformation)
      case "wrapper":
        parser.use(.wrapper, at: position)
        local.wrapper = try parser.wrapper()
      default: timeToLive = try parser.duration()
      }
    }
    for word in agent.refusedOptions {
      guard let position = places[word] else { continue }
      throw SyntaxFault(complaint: .exclusive(method, word), position: position)
    }
    return DeliveryAction(name: name, method: .local(local), timeToLive: timeToLive)
  }

  private mutating func wrapper() throws(SyntaxFault) -> DeliveryAction.Local.Wrapper {
    let (name, position) = try string("a wrapper's name")
    if let wrapper = draft.wrappers.first(where: { $0.name == name }) { return wrapper }
    let nearest = Spelling.nearest(to: name, in: draft.wrappers.map(\.name))
    throw SyntaxFault(
      complaint: .undeclared("wrapper", name, nearest: nearest),
      position: position
    )
  }

  private mutating func format(
    _ what: String,
    for purpose: Format.Purpose
  ) throws(SyntaxFault) -> Format {
    let (text, position) = try name(what)
    do throws(Format.Fault) {
      let format = try Format(parsing: text, for: purpose)
      guard !format.usesCommand else { throw .noValue(.command) }
      return format
    } catch {
      throw SyntaxFault(complaint: .format(text, error), position: position)
    }
  }
}

extension DeliveryAction.Local.Agent {
  /// What makes no sense with it: a mailbox is its owner's.
  fileprivate var refusedOptions: [String] {
    switch self {
    case .mbox, .forwardOnly, .expandOnly: ["user"]
    case .maildir, .command, .lmtp: []
    }
  }
}

extension Format {
  fileprivate var usesCommand: Bool {
    pieces.contains { piece in
      guard case .value(.command, _, _) = piece else { return false }
      return true
    }
  }
}
