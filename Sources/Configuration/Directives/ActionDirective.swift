// SPDX-License-Identifier: ISC

internal import Mail

/// `action NAME METHOD [options] [ttl DURATION]`.
extension Parser {
  private static var unsupportedLocalOptions: [String] {
    ["alias", "virtual", "userbase", "wrapper"]
  }

  mutating func parseAction() throws(SyntaxFault) {
    let (name, position) = try string("an action's name")
    let (method, _) = try choice(
      of: "action",
      among: ["maildir", "mda", "relay"],
      unsupported: ["mbox", "lmtp", "forward-only", "expand-only"]
    )
    var action: DeliveryAction
    switch method {
    case "maildir": action = try parseMaildir(name)
    case "mda": action = try parseCommand(name)
    default: action = try parseRelay(name)
    }
    try endOfStatement()
    guard actionIndexes[name] == nil else {
      return report(.duplicateAction(name), at: position)
    }
    actionIndexes[name] = draft.actions.count
    draft.actions.append(action)
  }

  private mutating func parseMaildir(_ name: String) throws(SyntaxFault) -> DeliveryAction {
    var path: Format?
    if try peek().stringValue != nil { path = try format("a path", for: .path) }
    let junk: DeliveryAction.Local.Junk = try accept("junk") ? .ownFolder : .inPlace
    return try localAction(name, .maildir(path: path, junk: junk), "maildir")
  }

  private mutating func parseCommand(_ name: String) throws(SyntaxFault) -> DeliveryAction {
    let command = try format("a command", for: .command)
    return try localAction(name, .command(command), "mda")
  }

  private mutating func localAction(
    _ name: String,
    _ agent: DeliveryAction.Local.Agent,
    _ method: String
  ) throws(SyntaxFault) -> DeliveryAction {
    var local = DeliveryAction.Local(agent: agent)
    var timeToLive: Duration?
    while let (word, position) = try option(
      of: "action \(method)",
      among: ["user", "ttl"],
      unsupported: Parser.unsupportedLocalOptions
    ) {
      if word == "ttl" {
        guard timeToLive == nil else {
          throw SyntaxFault(complaint: .repeated("ttl"), position: position)
        }
        timeToLive = try duration()
      } else {
        guard local.user == nil else {
          throw SyntaxFault(complaint: .repeated("user"), position: position)
        }
        local.user = try userName()
      }
    }
    return DeliveryAction(name: name, method: .local(local), timeToLive: timeToLive)
  }

  private mutating func userName() throws(SyntaxFault) -> String {
    let (name, position) = try string("a user")
    guard UserName.isAcceptable(name) else {
      throw SyntaxFault(complaint: .userName(name), position: position)
    }
    return name
  }

  private mutating func format(
    _ what: String,
    for purpose: Format.Purpose
  ) throws(SyntaxFault) -> Format {
    let (text, position) = try string(what)
    do throws(Format.Fault) {
      let format = try Format(parsing: text, for: purpose)
      guard !format.usesCommand else { throw .noValue(.command) }
      return format
    } catch {
      throw SyntaxFault(complaint: .format(text, error), position: position)
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
