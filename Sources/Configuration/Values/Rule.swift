// SPDX-License-Identifier: ISC

/// One `match`: criteria that must all hold, and what then happens to the recipient.
package struct Rule: Hashable, Sendable {
  /// What becomes of a recipient that the rule matches.
  package enum Outcome: Hashable, Sendable {
    case reject
    /// The action's place in `ServerConfiguration.actions`.
    case action(Int)
  }

  /// Whether a criterion has to hold or must not.
  package enum Sense: UInt8, Sendable {
    case holds = 0
    /// `!`.
    case fails = 1
  }

  /// How a table's entries are compared.
  package enum Comparison: UInt8, Sendable {
    /// By the service of the criterion.
    case entries = 0
    /// Each entry is a regular expression.
    case patterns = 1
  }

  /// A look into a table.
  package struct Test: Hashable, Sendable {
    package var table: TableIndex
    package var comparison: Comparison
    package var sense: Sense

    package init(table: TableIndex, comparison: Comparison, sense: Sense) {
      self.table = table
      self.comparison = comparison
      self.sense = sense
    }
  }

  /// Where a message has to come from.
  package enum Source: Hashable, Sendable {
    /// `from any`; `!` makes it match nothing.
    case any(Sense)
    case local(Sense)
    case socket(Sense)
    case address(Test)
    /// The client has a reverse name.
    case named(Sense)
    case reverseName(Test)
  }

  /// Where a message has to go.
  package enum Destination: Hashable, Sendable {
    case any(Sense)
    case local(Sense)
    case domain(Test)
  }

  /// Who has to have authenticated.
  package enum Authentication: Hashable, Sendable {
    case anybody(Sense)
    case user(Test)
  }

  /// The line of the file that says `match`, for log lines.
  package var line: Int
  package var tag: Test?
  package var source: Source
  package var destination: Destination
  package var helo: Test?
  package var authentication: Authentication?
  package var encryption: Sense?
  package var sender: Test?
  package var recipient: Test?
  package var outcome: Outcome

  package init(line: Int, source: Source, destination: Destination, outcome: Outcome) {
    self.line = line
    self.source = source
    self.destination = destination
    self.outcome = outcome
  }
}
