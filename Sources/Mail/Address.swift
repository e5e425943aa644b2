// SPDX-License-Identifier: ISC

/// A mailbox (RFC 5321 section 4.1.2): a local part and a domain or address literal.
///
/// The null reverse path is the absence of an address: `Address?`.
package struct Address: Hashable, Sendable {
  /// The local part's content, without the quotes of a quoted string: `john doe`, not `"john doe"`.
  package let local: String
  /// A domain as it was written, or an address literal with its brackets.
  package let domain: String

  /// Trusts its caller: use `Address(parsing:)` for anything that came from outside.
  package init(local: String, domain: String) {
    self.local = local
    self.domain = domain
  }
}
