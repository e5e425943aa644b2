// SPDX-License-Identifier: ISC

internal import Configuration

/// How an action delivers on this host, as far as the supervisor has to know it.
struct LocalRecipe: Sendable {
  /// Who takes the message.
  enum Agent: Sendable {
    /// The system mailbox of the user.
    case mailbox
    /// Nil is `~/Maildir`.
    case maildir(path: Format?, junk: DeliveryAction.Local.Junk)
    case command(Format)
    /// A local socket that speaks LMTP; it is connected, and delivery speaks.
    case socket(path: String)
    /// A server that speaks LMTP, from within a wrapper.
    case lmtp(DeliveryAction.LMTP, serverName: String)
    /// Delivery does it, or nobody: nothing is run for the action itself.
    case nothing
  }

  var agent: Agent
  /// The account that delivers for everybody.
  var user: String?
  /// Runs what the agent would run.
  var wrapper: Format?
  /// Users are those of a table and not of the host.
  var hasUserbase = false
}

extension LocalRecipe {
  /// The recipes of a configuration, by the names of its actions.
  static func all(
    _ configuration: ServerConfiguration
  ) -> [String: LocalRecipe] {
    var recipes: [String: LocalRecipe] = [:]
    for action in configuration.actions {
      guard case .local(let local) = action.method else { continue }
      let agent: Agent =
        switch local.agent {
        case .maildir(let path, let junk): .maildir(path: path, junk: junk)
        case .command(let format): .command(format)
        case .mbox: .mailbox
        case .lmtp(let lmtp) where local.wrapper != nil:
          .lmtp(lmtp, serverName: configuration.serverName)
        case .lmtp(let lmtp):
          if case .socket(let path) = lmtp.destination { .socket(path: path) } else { .nothing }
        case .forwardOnly, .expandOnly: .nothing
        }
      recipes[action.name] = LocalRecipe(
        agent: agent,
        user: local.user,
        wrapper: local.wrapper?.command,
        hasUserbase: local.userBase != nil
      )
    }
    return recipes
  }
}
