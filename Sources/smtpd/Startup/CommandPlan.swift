// SPDX-License-Identifier: ISC

internal import Configuration
internal import Glibc
internal import Interprocess
internal import Mail
internal import Supervisor

/// Which program delivers for an action: taken from the configuration, never from a request.
struct CommandPlan: Sendable {
  private static let path = "/usr/local/bin:/usr/bin:/bin"

  private let actions: [String: DeliveryAction.Local]
  private let delimiter: UInt8
  /// The user who started the server, when that was not root: then nobody else can be delivered to.
  private let onlyUser: UInt32?

  init(_ configuration: ServerConfiguration, onlyUser: UInt32?) {
    var actions: [String: DeliveryAction.Local] = [:]
    for action in configuration.actions {
      if case .local(let local) = action.method { actions[action.name] = local }
    }
    self.actions = actions
    delimiter = configuration.subaddressDelimiter
    self.onlyUser = onlyUser
  }

  /// The account that an action delivers as: its own `user`, else the recipient's.
  func account(for request: CommandRequest) -> String {
    actions[request.action]?.user ?? request.user
  }

  func program(
    for request: CommandRequest,
    as account: Account
  ) throws(CommandRefusal) -> Program {
    guard let action = actions[request.action] else {
      throw CommandRefusal(reason: "action \(request.action) is not in the configuration")
    }
    guard account.uid != 0 else {
      throw CommandRefusal(reason: "delivery as root is refused")
    }
    if let onlyUser, onlyUser != account.uid {
      throw CommandRefusal(
        reason: "\(account.name) needs another uid, and smtpd was not started as root"
      )
    }
    let values = FormatValues(
      sender: request.sender,
      recipient: request.recipient,
      destination: request.destination,
      userName: request.user,
      userDirectory: account.home,
      subaddressDelimiter: delimiter
    )
    var program: Program
    switch action.agent {
    case .maildir(let path, let junk):
      var arguments = ["smtpd", "-x", "mail.maildir"]
      if junk == .ownFolder { arguments.append("-j") }
      arguments.append("\(request.size)")
      if let path { arguments.append(try expand(path, values)) }
      program = Program(path: Program.ourselves, arguments: arguments)
    case .command(let format):
      program = Program(path: "/bin/sh", arguments: ["sh", "-c", try expand(format, values)])
    case .mbox, .lmtp, .forwardOnly, .expandOnly:
      throw CommandRefusal(reason: "action \(request.action) runs no command")
    }
    program.environment = environment(request, account)
    program.directory = account.home.isEmpty ? "/" : account.home
    if onlyUser == nil {
      program.uid = account.uid
      program.gid = account.gid
    }
    return program
  }

  private func expand(
    _ format: Format,
    _ values: FormatValues
  ) throws(CommandRefusal) -> String {
    do throws(Format.Fault) {
      return try format.expand(with: values)
    } catch {
      throw CommandRefusal(reason: "\(format.text): \(error)")
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
      "SWIFT_BACKTRACE=enable=no",
    ]
    if let subaddress = request.subaddress { variables.append("EXTENSION=\(subaddress)") }
    return variables
  }
}
