// SPDX-License-Identifier: ISC

/// The macros known so far.
struct Macros: Sendable {
  private struct Definition: Sendable {
    var value: String
    /// Nil for one of the command line.
    var position: SourcePosition?
    var isUsed = false
  }

  private var definitions: [String: Definition] = [:]

  init(commandLine: [MacroDefinition]) {
    for macro in commandLine {
      definitions[macro.name] = Definition(value: macro.value, position: nil)
    }
  }

  /// A macro of the command line is not replaced.
  mutating func define(_ name: String, as value: String, at position: SourcePosition) {
    if let known = definitions[name], known.position == nil { return }
    let isUsed = definitions[name]?.isUsed ?? false
    definitions[name] = Definition(value: value, position: position, isUsed: isUsed)
  }

  /// The value of a macro, which is now used.
  mutating func use(_ name: String) -> String? {
    definitions[name]?.isUsed = true
    return definitions[name]?.value
  }

  var names: [String] { definitions.keys.sorted() }

  /// The macros of the files that nothing used, in the order of their places.
  var unused: [(name: String, position: SourcePosition)] {
    let found = definitions.compactMap { name, definition in
      definition.isUsed ? nil : definition.position.map { (name: name, position: $0) }
    }
    return found.sorted {
      ($0.position.file, $0.position.line) < ($1.position.file, $1.position.line)
    }
  }
}

/// A macro of the command line: `-D name=value`.
package struct MacroDefinition: Hashable, Sendable {
  package let name: String
  package let value: String

  /// Returns nil when the text has no `=`, or before it no name of letters, digits and `_`.
  package init?(parsing text: String) {
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    let name = text[..<equals]
    guard !name.isEmpty, name.utf8.allSatisfy(Lexer.isMacroName) else { return nil }
    self.name = String(name)
    value = String(text[text.utf8.index(after: equals)...])
  }
}
