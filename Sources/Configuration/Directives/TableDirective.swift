// SPDX-License-Identifier: ISC

/// `table NAME PATH`, `table NAME TYPE:PATH`, `table NAME { … }`.
extension Parser {
  mutating func parseTable() throws(SyntaxFault) {
    let (name, position) = try self.name("a table's name")
    let place = try peek().position
    let (content, places) = try declaring(name, as: .table) { parser throws(SyntaxFault) in
      let found = try parser.tableContent()
      try parser.endOfStatement()
      return found
    }
    guard tableIndexes[name] == nil else {
      return report(.duplicateTable(name), at: position)
    }
    if tableIndexes["<\(name)>"] != nil { report(.hides(name), at: position, severity: .warning) }
    let index = declare(name, content, places)
    switch content {
    case .file(let path):
      tablePlaces[index] = place
      fileContents[index] = .some(readTable(path, of: index, at: place))
    case .database: tablePlaces[index] = place
    case .list, .map, .systemAccounts, .helper: break
    }
  }

  private mutating func tableContent() throws(SyntaxFault) -> (
    TableDeclaration.Content, places: [String: EntryPlace]
  ) {
    if try peek().isSymbol("{") { return try inlineContent() }
    let (text, place) = try string("a path, TYPE:path or \"{\"")
    return (try outsideContent(text, at: place), [:])
  }

  private mutating func outsideContent(
    _ text: String,
    at position: SourcePosition
  ) throws(SyntaxFault) -> TableDeclaration.Content {
    guard !text.hasPrefix("/"), let colon = text.firstIndex(of: ":") else {
      return .file(try absolute(text, at: position))
    }
    let type = String(text[..<colon])
    let rest = String(text[text.index(after: colon)...])
    switch type {
    case "file", "static":
      return .file(try absolute(rest, at: position))
    case "db":
      use(.database, at: position)
      return .database(try absolute(rest, at: position))
    case "getpwnam":
      use(.systemAccounts, at: position)
      if !rest.isEmpty { _ = try absolute(rest, at: position) }
      return .systemAccounts
    case "proc":
      use(.tableHelper, at: position)
      return .helper(.command(try absolute(rest, at: position)))
    default:
      guard !type.isEmpty, type.utf8.allSatisfy(Parser.isTypeByte) else {
        throw SyntaxFault(complaint: .tableType(type), position: position)
      }
      use(.tableHelper, at: position)
      return .helper(.named(type, path: try absolute(rest, at: position)))
    }
  }

  /// The type becomes a part of a program's name.
  private static func isTypeByte(_ byte: UInt8) -> Bool {
    Lexer.isMacroName(byte) || byte == UInt8(ascii: "-")
  }

  private func absolute(
    _ path: String,
    at position: SourcePosition
  ) throws(SyntaxFault) -> String {
    guard path.hasPrefix("/") else {
      throw SyntaxFault(complaint: .tablePath(path), position: position)
    }
    return path
  }

  private mutating func readTable(
    _ path: String,
    of table: TableIndex,
    at position: SourcePosition
  ) -> TableContents? {
    do throws(UnreadableFile) {
      let bytes = try open(path)
      do throws(TableContents.Fault) {
        return try TableContents(parsing: bytes)
      } catch {
        report(.tableFault(path: path, error), at: position)
      }
    } catch {
      // Whoever serves it says so when the file is opened.
      guard !error.isForbidden else { return nil }
      unreadTables.insert(table)
      report(.unreadableFile(path, reason: error.reason), at: position)
    }
    return nil
  }
}
