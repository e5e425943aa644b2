// SPDX-License-Identifier: ISC

/// Which tables of domains have a name, found by one look whatever the number of tables: a ruleset asks
/// many of them about the same recipient.
struct DomainIndex: Sendable {
  /// What is known of a table.
  private enum State: Sendable {
    /// No rule asks it for domains.
    case unasked
    /// All its names, and its patterns like `*.example.org`, are in `tables`; only its other patterns need
    /// a look of their own.
    case ready(patterns: [[UInt8]])
    case unavailable
  }

  private var states: [State]
  /// The tables that have an entry, by the entry in lower case.
  private var tables: [String: [Int]] = [:]
  /// Whether entries with `*` are among them.
  private var hasWildcards = false

  init(count: Int) { states = Array(repeating: .unasked, count: count) }

  /// What one table says.
  struct Entries: Sendable {
    fileprivate var found: [String] = []
    fileprivate var patterns: [[UInt8]] = []

    init(_ entries: [String]) {
      for entry in entries.lazy.map(\.asciiLowercased) {
        if DomainIndex.isFoundByLook(entry) {
          found.append(entry)
        } else {
          patterns.append(Array(entry.utf8))
        }
      }
    }
  }

  /// Takes what a table says from now on; nil when it cannot be asked.
  mutating func replace(_ table: Int, with entries: Entries?) {
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
    for entry in entries.found where tables[entry]?.last != table {
      tables[entry, default: []].append(table)
      if entry.utf8.first == UInt8(ascii: "*") { hasWildcards = true }
    }
    states[table] = .ready(patterns: entries.patterns)
  }

  /// One name, asked of any number of tables.
  struct Question {
    /// As it was written.
    let given: String
    /// In lower case.
    let name: String
    /// The tables that have it, as far as one look tells.
    let tables: [Int]
  }

  func question(about name: String) -> Question {
    let lower = name.asciiLowercased
    var found = tables[lower] ?? []
    if hasWildcards, let dot = lower.utf8.firstIndex(of: UInt8(ascii: ".")) {
      for table in tables["*\(lower[dot...])"] ?? [] where !found.contains(table) {
        found.append(table)
      }
    }
    return Question(given: name, name: lower, tables: found)
  }

  /// Whether `question` finds all that the table has.
  func isComplete(for table: Int) -> Bool {
    if case .ready(let patterns) = states[table] { patterns.isEmpty } else { false }
  }

  /// Whether an entry is a name, or `*` before the dot of one: such a `*` takes what stands before a name's
  /// first dot. Bytes beyond ASCII, of which patterns compare each, are left to patterns.
  private static func isFoundByLook(_ entry: String) -> Bool {
    guard let star = entry.utf8.lastIndex(of: UInt8(ascii: "*")) else { return true }
    return star == entry.utf8.startIndex && entry.utf8.dropFirst().first == UInt8(ascii: ".")
      && entry.utf8.allSatisfy { $0 < 0x80 }
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
