// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import Supervisor

/// Which program delivers for an action: taken from the configuration, never from a request. A command
/// of an alias was confirmed by lookup before; one of a `.forward` is looked for in it when it is run.
struct CommandPlan: LocalPlan {
  private static let path = "/usr/local/bin:/usr/bin:/bin"
  /// No helper of the runtime starts when one of our own programs fails.
  private static let ownVariable = "\(ForwardCommand.ownVariable)=enable=no"
  /// Where system mailboxes are, and the group that makes locks there.
  static let mailDirectory = "/var/mail"
  static let mailGroup = "mail"

  private let recipes: [String: LocalRecipe]
  private let delimiter: UInt8
  /// What a command may take, until its alarm.
  private let seconds: UInt32
  /// The user who started the server, when that was not root: then nobody else can be delivered to.
  private let onlyUser: UInt32?
  /// The unprivileged user who connects where an action names none; nil without root.
  private let connector: Account?
  private let mailGroup: UInt32?
  private let mailDirectory: String

  /// The users of the roles, as whom nothing else ever runs.
  private let roles: Set<UInt32>

  /// - Parameters:
  ///   - timeout: how long a command may run.
  ///   - connector: the delivering role's own user.
  ///   - mailGroup: nil when there is no such group.
  init(
    _ recipes: [String: LocalRecipe],
    delimiter: UInt8,
    timeout: Duration,
    onlyUser: UInt32?,
    connector: Account?,
    roles: Set<UInt32>,
    mailGroup: UInt32?,
    mailDirectory: String = CommandPlan.mailDirectory
  ) {
    self.recipes = recipes
    self.delimiter = delimiter
    seconds = UInt32(clamping: max(1, timeout.components.seconds))
    self.onlyUser = onlyUser
    self.connector = connector
    self.roles = roles
    self.mailGroup = mailGroup
    self.mailDirectory = mailDirectory
  }

  // MARK: Who

  func owner(of request: CommandRequest) throws(CommandRefusal) -> AccountName {
    let recipe = try recipe(request.action)
    switch request.method {
    case .command(_, .alias), .file(_, .alias):
      // What an administrator's table names is run as nobody in particular, who is of this host.
      guard let user = recipe.user else { return AccountName(name: LocalDelivery.aliasUser) }
      return account(user, recipe, request.action)
    case .command(_, .forward), .file(_, .forward):
      // As the user whose file it is, whatever the action says.
      return account(request.user, recipe, request.action)
    case .action:
      return account(recipe.user ?? request.user, recipe, request.action)
    }
  }

  private func account(_ name: String, _ recipe: LocalRecipe, _ action: String) -> AccountName {
    AccountName(
      name: name,
      directory: recipe.hasUserbase ? .userbase(action: action) : .accounts
    )
  }

  private func recipe(_ action: String) throws(CommandRefusal) -> LocalRecipe {
    guard let recipe = recipes[action] else {
      throw CommandRefusal(reason: "action \(action) is not in the configuration")
    }
    return recipe
  }

  // MARK: What

  func program(
    for request: CommandRequest,
    as account: Account
  ) throws(CommandRefusal) -> Program {
    let recipe = try recipe(request.action)
    try check(account, request, recipe)
    let values = FormatValues(
      sender: request.sender,
      recipient: request.recipient,
      destination: request.destination,
      userName: request.user,
      userDirectory: account.home,
      subaddressDelimiter: delimiter
    )
    var command = try inner(request, recipe, account, values)
    if let wrapper = recipe.wrapper { command = try wrap(command, in: wrapper, values) }
    var program = command.program
    program.environment += environment(request, account)
    program.directory = account.home.isEmpty ? "/" : account.home
    program.limits = limits
    if onlyUser == nil {
      program.uid = account.uid
      program.gid = program.gid ?? account.gid
    }
    return program
  }

  /// A command of root's would be one of everybody's who can write to root.
  private func check(
    _ account: Account,
    _ request: CommandRequest,
    _ recipe: LocalRecipe
  ) throws(CommandRefusal) {
    var isOwnWork = false
    if case .mailbox = recipe.agent, request.method == .action, recipe.wrapper == nil {
      isOwnWork = true
    }
    guard account.uid != 0 || isOwnWork else {
      throw CommandRefusal(reason: "delivery as root is refused")
    }
    guard !roles.contains(account.uid) else {
      throw CommandRefusal(reason: "\(account.name) is a user of the server's own")
    }
    if let onlyUser, onlyUser != account.uid {
      throw CommandRefusal(
        reason: "\(account.name) needs another uid, and smtpd was not started as root"
      )
    }
  }

  /// A program, and what it is in a script.
  private struct Command {
    var program: Program
    var script: ShellScript
  }

  private func inner(
    _ request: CommandRequest,
    _ recipe: LocalRecipe,
    _ account: Account,
    _ values: FormatValues
  ) throws(CommandRefusal) -> Command {
    // A wrapper may change the message, and with it its length.
    let length = recipe.wrapper == nil ? "\(request.size)" : "-"
    switch request.method {
    case .command(let text, .alias):
      return shell(.script(try script(of: text, values)))
    case .file(let path, .alias):
      return agent(["mail.mbox", length, path])
    case .command(let text, .forward):
      let script = try script(of: text, values)
      var command = agent(["mail.forward", "command", text, script.program], script.variables)
      command.program.interpreter = .shell
      return command
    case .file(let path, .forward):
      return agent(["mail.forward", "file", path, length])
    case .action: break
    }
    switch recipe.agent {
    case .mailbox: return try mailbox(length, account, recipe)
    case .maildir(let path, let junk):
      var arguments = ["mail.maildir"]
      if junk == .ownFolder { arguments.append("-j") }
      arguments.append(length)
      if let path { arguments.append(try expand(path, values)) }
      return agent(arguments)
    case .command(let format):
      return shell(ShellText.compose(try commandParts(of: format, values), name: "MDA_"))
    case .lmtp(let lmtp, let serverName):
      let form = lmtp.recipient == .user ? "user" : "address"
      return agent(["mail.lmtp", "\(lmtp.destination)", form, serverName])
    case .socket, .nothing:
      throw CommandRefusal(reason: "action \(request.action) runs no command")
    }
  }

  /// A shell command of an alias or a `.forward`, whose tokens have become references to their values.
  private func script(
    of text: String,
    _ values: FormatValues
  ) throws(CommandRefusal) -> ShellScript {
    var script = ShellScript()
    script.text = text
    guard text.contains("%{") || text.contains("%%") else { return script }
    let format: Format
    do throws(Format.Fault) {
      format = try Format(parsing: text, for: .command)
    } catch {
      throw CommandRefusal(reason: "\(text): \(error.text)")
    }
    switch ShellText.compose(try commandParts(of: format, values), name: "MDA_") {
    case .words(let words): return ShellScript(words: words)
    case .script(let script): return script
    }
  }

  private func commandParts(
    of format: Format,
    _ values: FormatValues
  ) throws(CommandRefusal) -> [ShellText.Part] {
    try parts(format, values).map { part -> ShellText.Part in
      switch part {
      case .text(let text): .text(text)
      case .value(let value): .value(value)
      // Only a wrapper has one.
      case .command: .value("")
      }
    }
  }

  /// One of our own programs; `variables` are for a script that it runs.
  private func agent(_ arguments: [String], _ variables: [ShellScript.Variable] = []) -> Command {
    var program = Program(path: Program.ourselves, arguments: ["smtpd", "-x"] + arguments)
    // Where a script calls one of our own programs, it finds it here, whatever became of its path.
    var script = ShellScript(words: [Program.keptOurselves, "-x"] + arguments)
    script.variables = variables
    script = script.handedOn
    // For ourselves alone: in a wrapper, and in a shell of a `.forward`, it would be the commands', too.
    program.environment = script.environment + [CommandPlan.ownVariable]
    return Command(program: program, script: script)
  }

  /// The file is made by root, and written by its user. The group makes the lock beside it; no command
  /// that somebody else chose ever has it, for it may read everybody's mail.
  private func mailbox(
    _ length: String,
    _ account: Account,
    _ recipe: LocalRecipe
  ) throws(CommandRefusal) -> Command {
    let name = account.name
    guard UserName.isAcceptable(name), !name.hasPrefix(".") else {
      throw CommandRefusal(reason: "\(name) cannot be the name of a mailbox")
    }
    var command = agent(["mail.mbox", length, "\(mailDirectory)/\(name)"])
    guard onlyUser == nil else { return command }
    let group = mailGroup ?? account.gid
    command.program.mailbox = Program.Mailbox(directory: mailDirectory, name: name, group: group)
    if recipe.wrapper == nil { command.program.gid = group }
    return command
  }

  private func shell(_ result: ShellText.Result) -> Command {
    switch result {
    case .words(let words):
      var program = Program(path: words[0], arguments: words)
      program.search = CommandPlan.path
      return Command(program: program, script: ShellScript(words: words))
    case .script(let script):
      var program = Program(path: "/bin/sh", arguments: ["sh", "-c", script.program])
      program.environment = script.environment
      program.interpreter = .shell
      return Command(program: program, script: script)
    }
  }

  /// The wrapper's command, with that of the action in the place of `%{mda}`.
  private func wrap(
    _ inner: Command,
    in wrapper: Format,
    _ values: FormatValues
  ) throws(CommandRefusal) -> Command {
    let parts = try self.parts(wrapper, values).map { part -> ShellText.Part in
      switch part {
      case .text(let text): .text(text)
      case .value(let value): .value(value)
      case .command: .script(inner.script)
      }
    }
    var wrapped = shell(ShellText.compose(parts, name: "WRAPPER_"))
    wrapped.program.mailbox = inner.program.mailbox
    wrapped.program.keepsOurselves = inner.program.path == Program.ourselves
    return wrapped
  }

  private func parts(
    _ format: Format,
    _ values: FormatValues
  ) throws(CommandRefusal) -> [Format.Part] {
    do throws(Format.Fault) {
      return try format.parts(with: values)
    } catch {
      throw CommandRefusal(reason: "\(format.text): \(error.text)")
    }
  }

  private func expand(
    _ format: Format,
    _ values: FormatValues
  ) throws(CommandRefusal) -> String {
    do throws(Format.Fault) {
      return try format.expand(with: values)
    } catch {
      throw CommandRefusal(reason: "\(format.text): \(error.text)")
    }
  }

  private func environment(_ request: CommandRequest, _ account: Account) -> [String] {
    var variables = [
      "PATH=\(CommandPlan.path)",
      "HOME=\(account.home)",
      "LOGNAME=\(request.user)",
      "USER=\(request.user)",
      "SHELL=/bin/sh",
      "SENDER=\(request.sender.map { "\($0)" } ?? "")",
      "ORIGINAL_RECIPIENT=\(request.recipient)",
      "LOCAL=\(request.recipient.local)",
      "DOMAIN=\(request.recipient.domain)",
      "RECIPIENT=\(request.destination)",
    ]
    if let subaddress = request.subaddress { variables.append("EXTENSION=\(subaddress)") }
    return variables
  }

  /// What a command may use.
  private var limits: Program.Limits {
    var limits = Program.Limits()
    limits.seconds = seconds
    limits.processorSeconds = UInt64(seconds)
    limits.descriptors = 1024
    // Without root the limit would count everything else that the user runs.
    if onlyUser == nil { limits.processes = 1024 }
    return limits
  }

  // MARK: Local sockets

  func connector(of action: String) throws(CommandRefusal) -> AccountName? {
    let recipe = try recipe(action)
    return recipe.user.map { account($0, recipe, action) }
  }

  func connection(
    of action: String,
    as account: Account?
  ) throws(CommandRefusal) -> Program {
    guard case .socket(let path) = try recipe(action).agent else {
      throw CommandRefusal(reason: "action \(action) has no local socket")
    }
    var program = agent(["connect", path]).program
    if let onlyUser {
      guard account == nil || account?.uid == onlyUser else {
        throw CommandRefusal(
          reason: "\(account?.name ?? "") needs another uid, and smtpd was not started as root"
        )
      }
    } else {
      program.uid = account?.uid ?? connector?.uid
      program.gid = account?.gid ?? connector?.gid
      guard program.uid != nil else { throw CommandRefusal(reason: "nobody connects as root") }
    }
    return program
  }
}
