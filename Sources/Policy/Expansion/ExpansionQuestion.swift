// SPDX-License-Identifier: ISC

package import Mail

/// What an expansion asks of others.
package enum ExpansionQuestion: Hashable, Sendable {
  /// Who is this, in the user database of the host; and with `.wanted` what is his `~/.forward`?
  case account(String, ForwardRead)
  /// The `~/.forward` of an account that a table named.
  case forward(Account)
  /// What a list at an absolute path says.
  case include(String)

  /// Whether the `~/.forward` is asked for, too.
  package enum ForwardRead: UInt8, Sendable {
    case unwanted = 0
    case wanted = 1
  }
}

/// What an expansion is told.
package enum ExpansionAnswer: Hashable, Sendable {
  /// The account exists. The file is `.none` when it was not asked for.
  case account(Account, ForwardFile)
  /// The user database knows no such name.
  case absent
  case forward(ForwardFile)
  /// The content of a list.
  case include([UInt8], ListOwner)
  /// Not now: the database, the file system, a limit.
  case failed
  /// The list is not there, is no regular file, or others may write to it.
  case refused
}

/// Whose an included list is.
package enum ListOwner: UInt8, Sendable {
  /// The administrator's: it may name commands and files.
  case administrator = 0
  /// Somebody else's: it names addresses and users.
  case other = 1
}

/// An account of the user database, or of a table in its place.
package struct Account: Hashable, Sendable {
  /// The uid.
  package var user: UInt32
  /// The gid.
  package var group: UInt32
  /// The home directory.
  package var home: String

  package init(user: UInt32, group: UInt32, home: String) {
    self.user = user
    self.group = group
    self.home = home
  }

  /// `uid:gid:home`, as tables say it; nil when it is something else.
  package init?(parsing text: String) {
    let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let user = UInt32(parts[0]), let group = UInt32(parts[1]),
      user != .max, group != .max, parts[2].utf8.first == UInt8(ascii: "/")
    else { return nil }
    self.init(user: user, group: group, home: String(parts[2]))
  }
}
