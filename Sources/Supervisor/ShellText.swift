// SPDX-License-Identifier: ISC

/// A command of the configuration with values in it, made ready to be run. Pure.
///
/// Where the configuration gives words, they become an argument vector and no shell is started. Where it
/// gives what only a shell understands, the script is the configuration's alone: each value travels in a
/// variable and stands in the script as a quoted reference to it, so that no shell ever reads a value as
/// part of a program.
package struct ShellText: Sendable {
  /// A piece of a command, by where it came from.
  package enum Part: Hashable, Sendable {
    /// What the configuration wrote.
    case text(String)
    /// What a sender, a recipient or the user database brought.
    case value(String)
    /// A script that stands inside another one.
    case script(ShellScript)
  }

  /// What is to be run.
  package enum Result: Hashable, Sendable {
    case words([String])
    case script(ShellScript)
  }

  /// Where in the text we are.
  private enum Quoting {
    case none
    case single
    case double
  }

  /// First words that only a shell knows, or that mean something else to it.
  private static let builtins: Set<String> = [
    ".", ":", "!", "alias", "bg", "break", "case", "cd", "command", "continue", "eval", "exec",
    "exit",
    "export", "fc", "fg", "for", "getopts", "hash", "if", "jobs", "local", "read", "readonly",
    "return",
    "set", "shift", "source", "time", "times", "trap", "type", "ulimit", "umask", "unalias",
    "unset",
    "until", "wait", "while",
  ]
  private static let special = Set("|&;<>()$`*?[]#~{}!\n".unicodeScalars)
  private static let specialInDouble = Set("$`\\".unicodeScalars)

  private var quoting = Quoting.none
  private var words: [String] = []
  /// Nil between words.
  private var word: String?
  private var script = ShellScript()
  private var needsShell = false
  /// The character behind a backslash has no meaning of its own.
  private var isEscaped = false

  /// - Parameter name: begins the names of the variables; each script has its own.
  package static func compose(_ parts: [Part], name: String) -> Result {
    var text = ShellText()
    for part in parts {
      switch part {
      case .text(let piece): for scalar in piece.unicodeScalars { text.read(scalar) }
      case .value(let value): text.insert(value: value, name: name)
      case .script(let inner): text.insert(inner)
      }
    }
    return text.finish()
  }

  private mutating func read(_ scalar: Unicode.Scalar) {
    script.text.unicodeScalars.append(scalar)
    guard !isEscaped else {
      isEscaped = false
      return append(scalar)
    }
    switch (quoting, scalar) {
    case (.none, "\\"), (.double, "\\"):
      needsShell = true
      isEscaped = true
    case (.none, " "), (.none, "\t"): endWord()
    case (.none, "'"): open(.single)
    case (.none, "\""): open(.double)
    case (.single, "'"), (.double, "\""): quoting = .none
    case (.none, "="):
      // `NAME=value program` is for the shell.
      if words.isEmpty { needsShell = true }
      append(scalar)
    default:
      switch quoting {
      case .none: if Self.special.contains(scalar) { needsShell = true }
      case .double: if Self.specialInDouble.contains(scalar) { needsShell = true }
      case .single: break
      }
      append(scalar)
    }
  }

  private mutating func open(_ next: Quoting) {
    quoting = next
    if word == nil { word = "" }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    word = word ?? ""
    word?.unicodeScalars.append(scalar)
  }

  private mutating func endWord() {
    if let word { words.append(word) }
    word = nil
  }

  private mutating func insert(value: String, name: String) {
    // A value is never an option of a program.
    let isFirst = word?.isEmpty ?? true
    let harmless = isFirst && value.hasPrefix("-") ? ":" + value.dropFirst() : value
    word = (word ?? "") + harmless
    let variable = "\(name)\(script.variables.count + 1)"
    script.variables.append(ShellScript.Variable(name: variable, value: harmless))
    switch quoting {
    case .none: script.text += "\"${\(variable)}\""
    case .single: script.text += "'\"${\(variable)}\"'"
    case .double: script.text += "${\(variable)}"
    }
  }

  private mutating func insert(_ inner: ShellScript) {
    needsShell = true
    let isOfThisShell = quoting == .none
    script.variables += isOfThisShell ? inner.variables : inner.handedOn.variables
    switch quoting {
    case .none: script.text += inner.text
    case .single: script.text += inner.text.replacing("'", with: "'\\''")
    case .double:
      for scalar in inner.text.unicodeScalars {
        if scalar == "\"" || Self.specialInDouble.contains(scalar) { script.text += "\\" }
        script.text.unicodeScalars.append(scalar)
      }
    }
  }

  private consuming func finish() -> Result {
    endWord()
    guard quoting == .none, !needsShell, let first = words.first, !first.isEmpty,
      !Self.builtins.contains(first)
    else { return .script(script) }
    return .words(words)
  }
}

/// A script for `/bin/sh -c`, and the variables that it refers to.
package struct ShellScript: Hashable, Sendable {
  /// A value on its way to a script, which is given it in its environment.
  package struct Variable: Hashable, Sendable {
    /// Who has it in the environment.
    package enum Scope: Sendable {
      /// The shell alone, and none of the commands that it runs.
      case script
      /// They too: one of them is the shell that refers to it.
      case commands
    }

    /// Letters, digits and underscores.
    package var name: String
    /// Anything but a zero byte.
    package var value: String
    /// Who has it in the environment.
    package var scope: Scope

    package init(name: String, value: String, scope: Scope = .script) {
      self.name = name
      self.value = value
      self.scope = scope
    }
  }

  /// What the shell reads.
  package var text = ""
  /// What the text refers to.
  package var variables: [Variable] = []

  package init() {}

  /// A command of exactly these words.
  package init(words: [String]) {
    text = words.map(Self.quoted).joined(separator: " ")
  }

  /// `NAME=value`, for the environment.
  package var environment: [String] { variables.map { "\($0.name)=\($0.value)" } }

  /// What the shell is given to read: the text, before which the variables that are its alone leave the
  /// environment.
  package var program: String {
    let names = variables.filter { $0.scope == .script }.map(\.name)
    guard !names.isEmpty else { return text }
    let values = names.map { "\"${\($0)}\"" }.joined(separator: " ")
    let kept = names.enumerated().map { "\($1)=${\($0 + 1)}" }.joined(separator: " ")
    return "set -- \(values); unset \(names.joined(separator: " ")); \(kept); set --\n\(text)"
  }

  /// The same, for a shell that is a command of another script.
  package var handedOn: ShellScript {
    var result = self
    for index in result.variables.indices { result.variables[index].scope = .commands }
    return result
  }

  /// One word, whatever is in it.
  private static func quoted(_ word: String) -> String {
    "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
