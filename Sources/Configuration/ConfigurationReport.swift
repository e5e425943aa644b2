// SPDX-License-Identifier: ISC

/// What reading a configuration came to.
package struct ConfigurationReport: Hashable, Sendable {
  /// Nil when there is at least one error.
  package let configuration: ServerConfiguration?
  /// Errors and warnings, in the order of their discovery. Each describes itself on several lines.
  package let diagnostics: [Diagnostic]

  /// Reads the file at `path` and what it includes, through `open`, which is also given the table
  /// files' paths. Macros win over those of the file.
  package init(
    reading path: String,
    macros: [MacroDefinition] = [],
    facts: HostFacts,
    open: @escaping (String) throws(UnreadableFile) -> [UInt8]
  ) {
    var parser = Parser(facts: facts, macros: macros, open: open)
    parser.parse(path)
    diagnostics = parser.diagnostics
    let hasErrors = diagnostics.contains { $0.severity == .error }
    configuration = hasErrors ? nil : parser.draft
  }

  package var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

  /// Worth showing with `-v`.
  package var warnings: [Diagnostic] { diagnostics.filter { $0.severity == .warning } }
}

/// A file could not be read, and why, in the system's words.
package struct UnreadableFile: Error, Hashable, Sendable {
  package let reason: String

  package init(reason: String) { self.reason = reason }
}
