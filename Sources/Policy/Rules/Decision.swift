// SPDX-License-Identifier: ISC

package import Configuration

/// What the ruleset says about one recipient.
package enum Decision: Hashable, Sendable {
  /// A rule matched and says `reject`; its line in the configuration.
  case reject(line: Int)
  /// A rule matched and names an action.
  case action(LookupProjection.Action, line: Int)
  /// No rule matched: the recipient is refused.
  case noRule
  /// Something that a rule asks could not be found out: try again later.
  case lookupFailed(LookupFailure)
}

/// What a rule needs to know, and cannot now.
package enum LookupFailure: Error, Hashable {
  /// The table of this name cannot be asked.
  case table(String)
  /// Whether the client's address has a name, and which.
  case reverseName
}
