// SPDX-License-Identifier: ISC

internal import Mail

/// Tables where a directive takes one.
extension Parser {
  /// What a table must be to serve a directive.
  enum TableKind: String {
    case list = "a list"
    case map = "a table of keys and values"
  }

  mutating func declarePredefinedTables() {
    let addresses = draft.facts.addresses.map(\.description)
    let shortName = draft.facts.serverName.prefix { $0 != "." }
    declare(TableDeclaration.localNames, .list(["localhost", draft.serverName] + addresses))
    declare(TableDeclaration.localHost, .list(["local"] + addresses))
    declare(TableDeclaration.anyHost, .list(["local", "0.0.0.0/0", "::/0"]))
    declare(TableDeclaration.anyDestination, .list(["*", String(shortName)]))
    declare(TableDeclaration.systemAccounts, .systemAccounts)
  }

  @discardableResult
  mutating func declare(_ name: String, _ content: TableDeclaration.Content) -> TableIndex {
    let index = TableIndex(draft.tables.count)
    draft.tables.append(TableDeclaration(name: name, content: content))
    tableIndexes[name] = index
    return index
  }

  /// `<name>`, `{ … }`, or one bare string.
  mutating func table(_ kind: TableKind) throws(SyntaxFault) -> (TableIndex, SourcePosition) {
    let token = try peek()
    if token.isSymbol("<") { return try reference(kind) }
    let content: TableDeclaration.Content
    if token.isSymbol("{") {
      content = try inlineContent()
    } else if let text = token.stringValue {
      try next()
      content = .list([text])
    } else {
      switch token.kind {
      case .word, .number:
        throw SyntaxFault(
          complaint: .needsQuotes(token.description, expected: "a table"),
          position: token.position
        )
      case .string, .symbol, .arrow, .newline, .end:
        throw unexpected(token, ["<table>", "\"{\"", "a string"])
      }
    }
    let index = declare("<dynamic:\(draft.tables.count)>", content)
    try check(index, is: kind, at: token.position)
    return (index, token.position)
  }

  /// Whether a table begins here.
  mutating func tableFollows() throws(SyntaxFault) -> Bool {
    let token = try peek()
    return token.isSymbol("<") || token.isSymbol("{") || token.stringValue != nil
  }

  private mutating func reference(
    _ kind: TableKind
  ) throws(SyntaxFault) -> (TableIndex, SourcePosition) {
    try expect(symbol: "<")
    let (name, position) = try string("a table's name")
    try expect(symbol: ">")
    guard let index = tableIndexes[name] ?? tableIndexes["<\(name)>"] else {
      let known = tableIndexes.keys.filter { !$0.hasPrefix("<") }.sorted()
      throw SyntaxFault(
        complaint: .unknownTable(name, nearest: Spelling.nearest(to: name, in: known)),
        position: position
      )
    }
    try check(index, is: kind, at: position)
    return (index, position)
  }

  private func check(
    _ index: TableIndex,
    is kind: TableKind,
    at position: SourcePosition
  ) throws(SyntaxFault) {
    let table = draft.tables[index.rawValue]
    let found: TableKind?
    switch table.content {
    case .list: found = .list
    case .map: found = .map
    case .file:
      switch fileContents[index] ?? nil {
      case .list: found = .list
      case .map: found = .map
      case nil: found = nil
      }
    case .systemAccounts: found = .map
    }
    guard let found, found != kind else { return }
    throw SyntaxFault(
      complaint: .tableKind(table.name, expected: kind.rawValue),
      position: position
    )
  }

  /// `{ a, b }` or `{ k = v, k2 => v2 }`; commas, line ends, or both between the entries.
  mutating func inlineContent() throws(SyntaxFault) -> TableDeclaration.Content {
    try expect(symbol: "{")
    var keys: [String] = []
    var values: [String] = []
    try skipLines()
    while try !accept(symbol: "}") {
      keys.append(try string("an entry or \"}\"").0)
      let separator = try peek()
      if separator.isSymbol("=") || separator.kind == .arrow {
        guard values.count == keys.count - 1 else { throw unexpected(separator, ["\",\""]) }
        try next()
        values.append(try string("a value").0)
      } else if !values.isEmpty {
        throw unexpected(separator, ["\"=\""])
      }
      let isSeparated = try separatorFollows()
      let following = try peek()
      guard isSeparated || following.isSymbol("}") else {
        throw unexpected(following, ["\",\"", "\"}\""])
      }
    }
    if values.isEmpty { return .list(keys) }
    return .map(zip(keys, values).map { TableDeclaration.Pair(key: $0, value: $1) })
  }

  private mutating func separatorFollows() throws(SyntaxFault) -> Bool {
    let hasLine = try skipLines()
    guard try accept(symbol: ",") else { return hasLine }
    try skipLines()
    return true
  }

  @discardableResult
  private mutating func skipLines() throws(SyntaxFault) -> Bool {
    var hasLine = false
    while try peek().kind == .newline {
      try next()
      hasLine = true
    }
    return hasLine
  }

  /// The keys of a list, or the pairs of a map, in the order of their keys; nil when the file could
  /// not be read, which was said before.
  func contents(of index: TableIndex) -> TableContents? {
    switch draft.tables[index.rawValue].content {
    case .list(let entries): .list(sorted: entries)
    case .map(let pairs): .map(sorted: pairs)
    case .file: fileContents[index] ?? nil
    case .systemAccounts: nil
    }
  }
}
