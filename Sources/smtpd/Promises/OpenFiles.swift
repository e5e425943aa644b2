// SPDX-License-Identifier: ISC

/// How many files, sockets and pipes a role may have open: a number, and one or more for each of what the
/// configuration allows.
package struct OpenFiles: Hashable, Sendable {
  /// What the configuration bounds.
  package enum Counted: String, CaseIterable, Sendable {
    /// The sessions of clients.
    case sessions
    /// The addresses that are listened on.
    case listeners
    /// Envelopes that are being delivered.
    case inFlight = "envelopes in flight"
    /// Deliveries on this host.
    case deliveries = "local deliveries"
    case tables
  }

  /// For edges, the log, the event loop, and what does not depend on the configuration.
  package let base: Int
  /// How many for each.
  package let each: [Counted: Int]

  init(_ base: Int, _ each: [Counted: Int] = [:]) {
    self.base = base
    self.each = each
  }

  /// The limit for a configuration that allows for so many.
  package func most(_ counts: [Counted: Int]) -> UInt64 {
    each.reduce(into: UInt64(base)) { sum, part in
      sum += UInt64(part.value) * UInt64(max(0, counts[part.key, default: 0]))
    }
  }

  /// As the table of ARCHITECTURE.md has it.
  var text: String {
    let parts = Counted.allCases.compactMap { counted -> String? in
      guard let factor = each[counted] else { return nil }
      return factor == 1 ? counted.rawValue : "\(factor) × \(counted.rawValue)"
    }
    return (["\(base)"] + parts).joined(separator: " + ")
  }
}
