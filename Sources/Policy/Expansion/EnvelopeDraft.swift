// SPDX-License-Identifier: ISC

package import Mail

/// An envelope before it has an identifier and a time: what one recipient became.
package struct EnvelopeDraft: Hashable, Sendable {
  package var kind: Envelope.Kind
  /// The action's name.
  package var action: String
  /// The recipient as the client named it.
  package var recipient: Address
  /// The recipient after expansion.
  package var destination: Address
  package var origin: Envelope.Origin

  package init(
    kind: Envelope.Kind,
    action: String,
    recipient: Address,
    destination: Address,
    origin: Envelope.Origin = .client
  ) {
    self.kind = kind
    self.action = action
    self.recipient = recipient
    self.destination = destination
    self.origin = origin
  }

  /// The envelope that the draft becomes.
  package func envelope(id: EnvelopeID, created: Instant) -> Envelope {
    var envelope = Envelope(
      id: id,
      kind: kind,
      action: action,
      recipient: recipient,
      destination: destination,
      created: created
    )
    envelope.origin = origin
    return envelope
  }
}
