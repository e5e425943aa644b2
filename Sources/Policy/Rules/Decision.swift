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
  /// The table of this name could not be asked: try again later.
  case lookupFailed(table: String)
}
