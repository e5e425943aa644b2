// SPDX-License-Identifier: ISC

internal import Mail

/// Tables where a directive takes one.
extension Parser {
  mutating func declarePredefinedTables() {
    let addresses = draft.facts.addresses.map(\.description)
    let shortName = draft.facts.serverName.prefix { $0 != "." }
    declare(TableDeclaration.localNames, .list(["localhost", draft.serverName] + addresses))
    declare(TableDeclaration.localHost, .list(["local"] + addresses))
    declare(TableDeclaration.anyHost, .list(["local", "0.0.0.0/0", "::/0"]))
    declare(TableDeclaration.anyDestination, .list(["*", String(shortName)]))
    declare(TableDeclaration.systemAccounts, .systemAccounts)
  }

  /// How the names of tables begin that stand where they are used.
  private static var anonymous: String { "<dynamic:" }

  @discardableResult
  mutating func declare(
    _ name: String,
    _ content: TableDeclaration.Content,
    _ places: [String: EntryPlace] = [:]
  ) -> TableIndex {
    let index = TableIndex(draft.tables.count)
    if !places.isEmpty { entryPlaces[index] = places }
    draft.tables.append(TableDeclaration(name: name, content: content))
    tableIndexes[name] = index
    return index
  }

  /// `<name>`, `{ … }`, or one bare string: a table that is asked for a service.
  mutating func table(
    _ kind: TableKind,
    for service: TableService
  ) throws(SyntaxFault) -> (TableIndex, SourcePosition) {
    let token = try peek()
    if token.isSymbol("<") { return try reference(kind, service) }
    let content: TableDeclaration.Content
    var places: [String: EntryPlace] = [:]
    if token.isSymbol("{") {
      (content, places) = try inlineContent()
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
    let index = declare("\(Parser.anonymous)\(draft.tables.count)>", content, places)
    try check(index, is: kind, for: service, at: token.position)
    return (index, token.position)
  }

  /// Whether a table begins here.
  mutating func tableFollows() throws(SyntaxFault) -> Bool {
    let token = try peek()
    return token.isSymbol("<") || token.isSymbol("{") || token.stringValue != nil
  }

  private mutating func reference(
    _ kind: TableKind,
    _ service: TableService
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
    try check(index, is: kind, for: service, at: position)
    return (index, position)
  }

  private func check(
    _ index: TableIndex,
    is kind: TableKind,
    for service: TableService,
    at position: SourcePosition
  ) throws(SyntaxFault) {
    let table = draft.tables[index.rawValue]
    if table.content == .systemAccounts, service != .userInformation {
      throw SyntaxFault(complaint: .accountsOnly(table.name), position: position)
    }
    guard kind != .either, let found = self.kind(of: index), found != kind else { return }
    if case .file = table.content, contents(of: index)?.looksLikeAddresses ?? false {
      throw SyntaxFault(complaint: .addressesAsPairs(table.name), position: position)
    }
    throw SyntaxFault(
      complaint: .tableKind(table.name.hasPrefix(Parser.anonymous) ? "" : table.name, kind),
      position: position
    )
  }

  /// Nil when only time tells, or when the table is empty and serves as either.
  private func kind(of index: TableIndex) -> TableKind? {
    switch contents(of: index) {
    case .list(let keys)?: keys.isEmpty ? nil : .list
    case .map?: .map
    case nil: draft.tables[index.rawValue].content == .systemAccounts ? .map : nil
    }
  }

  /// `{ a, b }` or `{ k = v, k2 => v2 }`; commas, line ends, or both between the entries. With where each
  /// of them stands: of equal ones the last, which counts.
  mutating func inlineContent() throws(SyntaxFault) -> (
    TableDeclaration.Content, places: [String: EntryPlace]
  ) {
    try expect(symbol: "{")
    var keys: [String] = []
    var values: [String] = []
    var places: [String: EntryPlace] = [:]
    try skipLines()
    while try !accept(symbol: "}") {
      let (key, position) = try string("an entry or \"}\"")
      keys.append(key)
      var place = EntryPlace(key: position, value: position)
      let separator = try peek()
      if separator.isSymbol("=") || separator.kind == .arrow {
        guard values.count == keys.count - 1 else { throw unexpected(separator, ["\",\""]) }
        try next()
        let (value, position) = try string("a value")
        values.append(value)
        place.value = position
      } else if !values.isEmpty {
        throw unexpected(separator, ["\"=\""])
      }
      places[key.lowercased()] = place
      let isSeparated = try separatorFollows()
      let following = try peek()
      guard isSeparated || following.isSymbol("}") else {
        throw unexpected(following, ["\",\"", "\"}\""])
      }
    }
    if values.isEmpty { return (.list(keys), places) }
    return (.map(zip(keys, values).map { TableDeclaration.Pair(key: $0, value: $1) }), places)
  }

  /// `{ a, b }`: names with their places.
  mutating func nameList(_ what: String) throws(SyntaxFault) -> [(String, SourcePosition)] {
    try expect(symbol: "{")
    var names: [(String, SourcePosition)] = []
    try skipLines()
    while try !accept(symbol: "}") {
      names.append(try string(what))
      let isSeparated = try separatorFollows()
      let following = try peek()
      guard isSeparated || following.isSymbol("}") else {
        throw unexpected(following, ["\",\"", "\"}\""])
      }
    }
    return names
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

  /// The keys of a list, or the pairs of a map, in the order of their keys; nil when only an engine
  /// can ask the table, or when the file could not be read, which was said before.
  func contents(of index: TableIndex) -> TableContents? {
    switch draft.tables[index.rawValue].content {
    case .list(let entries): .list(sorted: entries)
    case .map(let pairs): .map(sorted: pairs)
    case .file: fileContents[index] ?? nil
    case .systemAccounts, .database, .helper: nil
    }
  }

  /// Whether what is in a table may be another at a later time, or is not known before it is asked.
  func mayChange(_ index: TableIndex) -> Bool {
    switch draft.tables[index.rawValue].content {
    case .list, .map: false
    case .file, .systemAccounts, .database, .helper: true
    }
  }

  /// Reports an entry, with its line in the file that it is in, or where it stands in the configuration.
  /// Returns whether another would be shown.
  @discardableResult
  mutating func report(
    _ complaint: Complaint,
    of entry: String,
    _ part: EntryPlace.Part = .key,
    in table: TableIndex,
    at position: SourcePosition
  ) -> Bool {
    let declaration = draft.tables[table.rawValue]
    if case .file(let path) = declaration.content {
      let line = lines(of: table, path)[entry]
      report(.entry(path: path, line: line, complaint), at: position)
    } else if let place = entryPlaces[table]?[entry.lowercased()]?[part] {
      if declaration.name.hasPrefix(Parser.anonymous) {
        report(complaint, at: place)
      } else {
        report(entry: complaint, at: place, usedAt: position)
      }
    } else {
      report(complaint, at: position)
    }
    return diagnostics.count < Limits.diagnostics
  }

  /// Reads the file again: who has no mistake in it needs no lines.
  private mutating func lines(of table: TableIndex, _ path: String) -> [String: Int] {
    if let known = entryLines[table] { return known }
    let lines = (try? open(path)).map(TableContents.lines) ?? [:]
    entryLines[table] = lines
    return lines
  }
}

/// Where an entry of a table stands in the configuration.
struct EntryPlace {
  enum Part {
    case key, value
  }

  var key: SourcePosition
  /// The key's, where there is none.
  var value: SourcePosition

  subscript(part: Part) -> SourcePosition { part == .key ? key : value }
}
