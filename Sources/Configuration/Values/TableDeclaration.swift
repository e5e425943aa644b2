// SPDX-License-Identifier: ISC

/// A table's place in `ServerConfiguration.tables`.
package struct TableIndex: Hashable, Sendable {
  package let rawValue: Int

  package init(_ rawValue: Int) { self.rawValue = rawValue }
}

/// A table as the configuration declares it.
package struct TableDeclaration: Hashable, Sendable {
  /// Where a table's entries are.
  package enum Content: Hashable, Sendable {
    case list([String])
    case map([Pair])
    /// A text file (an absolute path), read by whoever opens tables.
    case file(String)
    /// The accounts of the system.
    case systemAccounts
    /// `db`: the absolute path of what makemap made.
    case database(String)
    case helper(Helper)
  }

  /// A program that answers for a table.
  package enum Helper: Hashable, Sendable {
    /// `proc:COMMAND`.
    case command(String)
    /// `TYPE:PATH`: the program `table-TYPE`, started with the path.
    case named(String, path: String)
  }

  /// A key with its value.
  package struct Pair: Hashable, Sendable {
    package var key: String
    package var value: String

    package init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// The name; predeclared and anonymous tables have theirs in angle brackets.
  package var name: String
  package var content: Content

  package init(name: String, content: Content) {
    self.name = name
    self.content = content
  }
}

extension TableDeclaration {
  /// The tables that exist before the first line.
  package static let localNames = "<localnames>"
  package static let localHost = "<localhost>"
  package static let anyHost = "<anyhost>"
  package static let anyDestination = "<anydestination>"
  package static let systemAccounts = "<getpwnam>"
}
