// SPDX-License-Identifier: ISC

package import Mail

/// The users of the submission socket, and what each may have going on at a time, so that none of them
/// can keep the others from sending.
package final class LocalSubmitters {
  /// What one user may have.
  package struct Limits: Sendable {
    /// Connections.
    package var connections = 64
    /// Messages between MAIL and the reply to their dot.
    package var messages = 32

    package init() {}
  }

  /// Said instead of a greeting beyond the limit.
  package static let tooManyConnections = Reply(
    421,
    EnhancedStatus(.temporary, 3, 2),
    "Too many connections of this user, try again later"
  )

  /// The reply to MAIL beyond the limit.
  package static let tooManyMessages = Reply(
    452,
    EnhancedStatus(.temporary, 3, 2),
    "Too many messages of this user are under way, try again later"
  )

  let limits: Limits
  private var users: [UInt32: Load] = [:]

  fileprivate struct Load {
    var connections = 0
    var messages = 0

    var isNone: Bool { connections == 0 && messages == 0 }
  }

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// A connection of a user, counted until nobody holds it.
  package func connect(_ user: UInt32) -> Connection {
    users[user, default: Load()].connections += 1
    let isWelcome = users[user, default: Load()].connections <= limits.connections
    return Connection(user: user, isWelcome: isWelcome, self)
  }

  /// How many users have anything going on.
  package var userCount: Int { users.count }

  fileprivate func change(_ user: UInt32, _ body: (inout Load) -> Void) {
    body(&users[user, default: Load()])
    if users[user]?.isNone == true { users[user] = nil }
  }

  /// A connection to the submission socket.
  package final class Connection {
    /// As the kernel says.
    package let user: UInt32
    /// Whether it is within the user's limit.
    package let isWelcome: Bool
    private let submitters: LocalSubmitters

    fileprivate init(user: UInt32, isWelcome: Bool, _ submitters: LocalSubmitters) {
      self.user = user
      self.isWelcome = isWelcome
      self.submitters = submitters
    }

    deinit { submitters.change(user) { $0.connections -= 1 } }

    /// Counts a message for as long as the result lives; nil when the user has too many.
    package func beginMessage() -> MessageSlot? {
      guard submitters.users[user, default: Load()].messages < submitters.limits.messages else {
        return nil
      }
      submitters.change(user) { $0.messages += 1 }
      return MessageSlot(user: user, submitters)
    }
  }

  /// A message that is under way.
  package final class MessageSlot {
    private let user: UInt32
    private let submitters: LocalSubmitters

    fileprivate init(user: UInt32, _ submitters: LocalSubmitters) {
      self.user = user
      self.submitters = submitters
    }

    deinit { submitters.change(user) { $0.messages -= 1 } }
  }
}
