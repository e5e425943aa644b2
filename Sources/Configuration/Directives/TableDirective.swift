// SPDX-License-Identifier: ISC

/// `table NAME "path"`, `table NAME TYPE:path`, `table NAME { … }`.
extension Parser {
  mutating func parseTable() throws(SyntaxFault) {
    let (name, position) = try string("a table's name")
    let token = try peek()
    let content: TableDeclaration.Content
    if token.isSymbol("{") {
      content = try inlineContent()
    } else {
      let (text, place) = try string("a path, TYPE:path or \"{\"")
      content = try fileContent(text, at: place)
    }
    try endOfStatement()
    guard tableIndexes[name] == nil else {
      return report(.duplicateTable(name), at: position)
    }
    let index = declare(name, content)
    if case .file(let path) = content {
      fileContents[index] = .some(readTable(path, at: token.position))
    }
  }

  private func fileContent(
    _ text: String,
    at position: SourcePosition
  ) throws(SyntaxFault) -> TableDeclaration.Content {
    var path = text[...]
    if !text.hasPrefix("/"), let colon = text.firstIndex(of: ":") {
      let type = text[..<colon]
      guard type == "file" || type == "static" else {
        throw SyntaxFault(complaint: .unsupported("table type \"\(type)\""), position: position)
      }
      path = text[text.index(after: colon)...]
    }
    guard path.hasPrefix("/") else {
      throw SyntaxFault(complaint: .tablePath(String(path)), position: position)
    }
    return .file(String(path))
  }

  private mutating func readTable(_ path: String, at position: SourcePosition) -> TableContents? {
    do throws(UnreadableFile) {
      let bytes = try open(path)
      do throws(TableContents.Fault) {
        return try TableContents(parsing: bytes)
      } catch {
        report(.tableFault(path: path, error), at: position)
      }
    } catch {
      report(.unreadableFile(path, reason: error.reason), at: position)
    }
    return nil
  }
}
