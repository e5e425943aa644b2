// SPDX-License-Identifier: ISC

/// A decision of the ruleset with its reasons.
package struct ExplainedDecision: Hashable, Sendable {
  /// A rule that did not match, and the first of its criteria that did not hold.
  package struct Mismatch: Hashable, Sendable {
    /// The rule's line in the configuration.
    package var line: Int
    /// The criterion that did not hold; nil when all did.
    package var criterion: Criterion
  }

  /// In the order of the rules.
  package var mismatches: [Mismatch]
  /// What was decided.
  package var decision: Decision
}

/// A part of a rule, by its words in smtpd.conf(5); they are asked in this order.
package enum Criterion: String, Hashable, Sendable {
  case tag
  case from
  case `for`
  case helo
  case auth
  case tls
  case mailFrom = "mail-from"
  case rcptTo = "rcpt-to"
}
