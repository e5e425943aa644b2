// SPDX-License-Identifier: ISC

/// What the user database says about a name.
package enum UserAnswer: Hashable, Sendable {
  case found(Account)
  case absent
  /// The database could not be asked.
  case failed
}

/// An account of the user database.
package struct Account: Hashable, Sendable {
  package var user: UInt32
  package var group: UInt32
  package var home: String

  package init(user: UInt32, group: UInt32, home: String) {
    self.user = user
    self.group = group
    self.home = home
  }
}
