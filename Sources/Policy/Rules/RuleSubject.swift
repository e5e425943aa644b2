// SPDX-License-Identifier: ISC

package import Mail

/// What a ruleset decides about: one destination of one message of one session.
package struct RuleSubject: Sendable {
  package var session: SessionFacts
  /// Nil is the null sender.
  package var sender: Address?
  /// The recipient after the expansion so far.
  package var destination: Address
  /// Results of an expansion count as coming from this host.
  package var origin: Envelope.Origin
  /// Whether the session's host name may be gone by.
  package var reverseLookup: ReverseLookup

  package init(
    session: SessionFacts,
    sender: Address?,
    destination: Address,
    origin: Envelope.Origin = .client,
    reverseLookup: ReverseLookup = .answered
  ) {
    self.session = session
    self.sender = sender
    self.destination = destination
    self.origin = origin
    self.reverseLookup = reverseLookup
  }

  /// The name of a client without a reverse name.
  package static let unknownHostName = "<unknown>"
}
