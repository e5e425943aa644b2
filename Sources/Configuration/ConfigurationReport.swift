// SPDX-License-Identifier: ISC

package import Mail

/// What reading a configuration came to.
package struct ConfigurationReport: Hashable, Sendable {
  /// The addresses that a host name has, of one family or of any.
  package typealias Resolve =
    (_ name: String, Listener.Family) throws(UnresolvedName) -> [IPAddress]

  /// Nil when there is at least one error.
  package let configuration: ServerConfiguration?
  /// Errors and warnings, in the order of their lines. Each describes itself on several lines.
  package let diagnostics: [Diagnostic]
  private let features: [FeatureUse]

  /// Reads the file at `path` and what it includes, through `open`, which is also given the table
  /// files' paths. Macros win over those of the file. Without `resolve` names to listen on stay names,
  /// and without `judge` nobody looks at what TLS is to use, without `tables` at the files of tables, without
  /// `values` at what tables give.
  package init(
    reading path: String,
    macros: [MacroDefinition] = [],
    facts: HostFacts,
    resolve: Resolve? = nil,
    judge: TLSJudge? = nil,
    tables: TableJudge? = nil,
    values: ValueJudge? = nil,
    open: @escaping (String) throws(UnreadableFile) -> [UInt8]
  ) {
    var parser = Parser(facts: facts, macros: macros, open: open)
    parser.resolve = resolve
    parser.judge = judge
    parser.tableJudge = tables
    parser.valueJudge = values
    parser.parse(path)
    diagnostics = parser.orderedDiagnostics
    features = parser.features
    let hasErrors = diagnostics.contains { $0.severity == .error }
    configuration = hasErrors ? nil : parser.draft
  }

  package var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

  /// Where the configuration uses what nothing serves yet: it can be checked, but not run.
  package func unserved(without missing: Set<Feature> = Feature.withoutEngine) -> [Diagnostic] {
    features.filter { missing.contains($0.feature) }.map(\.diagnostic)
  }

  /// The same, each directive where it is used first: what a server that is to start says.
  package func unservedDirectives(
    without missing: Set<Feature> = Feature.withoutEngine
  ) -> [Diagnostic] {
    var named: Set<Complaint> = []
    return unserved(without: missing).filter { named.insert($0.complaint).inserted }
  }

  /// Worth showing with `-v`.
  package var warnings: [Diagnostic] { diagnostics.filter { $0.severity == .warning } }

  /// Those of the warnings that are worth showing always: something that was asked for does not happen, or
  /// something else may have been meant.
  package var disappointments: [Diagnostic] {
    warnings.filter { warning in
      switch warning.complaint {
      case .withoutEffect, .hides: true
      default: false
      }
    }
  }
}

/// A place that uses a feature, and what is said about it when nothing serves it.
struct FeatureUse: Hashable, Sendable {
  var feature: Feature
  var diagnostic: Diagnostic
}

/// A file could not be read, and why, in the system's words.
package struct UnreadableFile: Error, Hashable, Sendable {
  package let reason: String
  /// This user may not read it; another may.
  package let isForbidden: Bool

  package init(reason: String, isForbidden: Bool = false) {
    self.reason = reason
    self.isForbidden = isForbidden
  }
}

/// A name has no address, and why, in the system's words.
package struct UnresolvedName: Error, Hashable, Sendable {
  package let reason: String

  package init(reason: String) { self.reason = reason }
}
