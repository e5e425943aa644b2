// SPDX-License-Identifier: ISC

/// `srs`: how the senders of forwarded messages are rewritten.
package struct SRSSettings: Hashable, Sendable {
  /// The secret that addresses are signed with.
  package var key: String?
  /// The previous secret, which is still accepted.
  package var backupKey: String?
  /// For how long a rewritten address is accepted; at least one.
  package var days = 4

  package init() {}
}
