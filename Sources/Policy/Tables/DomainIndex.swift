// SPDX-License-Identifier: ISC

/// Which tables of domains have a name, found by one look whatever the number of tables: a ruleset asks
/// many of them about the same recipient.
struct DomainIndex: Sendable {
  /// What is known of a table.
  private enum State: Sendable {
    /// No rule asks it for domains.
    case unasked
    /// All its names are in `tables`; only its patterns need a look of their own.
    case ready(patterns: [[UInt8]])
    case unavailable
  }

  private var states: [State]
  /// The tables that have a name, by the name in lower case.
  private var tables: [String: [Int]] = [:]

  init(count: Int) { states = Array(repeating: .unasked, count: count) }

  /// Takes what a table says from now on; nil when it cannot be asked.
  mutating func replace(_ table: Int, with entries: [String]?) {
    if case .ready = states[table] {
      for name in Array(tables.keys) {
        tables[name]?.removeAll { $0 == table }
        if tables[name] == [] { tables[name] = nil }
      }
    }
    guard let entries else {
      states[table] = .unavailable
      return
    }
    var patterns: [[UInt8]] = []
    for entry in entries {
      let entry = entry.asciiLowercased
      if entry.utf8.contains(UInt8(ascii: "*")) {
        patterns.append(Array(entry.utf8))
      } else if tables[entry]?.last != table {
        tables[entry, default: []].append(table)
      }
    }
    states[table] = .ready(patterns: patterns)
  }

  /// One name, asked of any number of tables.
  struct Question {
    /// As it was written.
    let given: String
    /// In lower case.
    let name: String
    fileprivate let tables: [Int]
  }

  func question(about name: String) -> Question {
    let lower = name.asciiLowercased
    return Question(given: name, name: lower, tables: tables[lower] ?? [])
  }

  /// Nil when the table cannot be asked.
  func contains(_ question: Question, in table: Int) -> Bool? {
    switch states[table] {
    case .ready(let patterns):
      question.tables.contains(table)
        || patterns.contains { DomainPattern.matches(question.name.utf8, pattern: $0) }
    case .unavailable: nil
    case .unasked: preconditionFailure("a table that was not made ready")
    }
  }
}
