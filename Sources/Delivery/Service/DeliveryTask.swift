// SPDX-License-Identifier: ISC

package import Mail
package import NIOCore

/// The envelopes of one message that one transaction may carry: one action and, when it relays by MX,
/// one domain.
package struct DeliveryTask: Sendable {
  /// Given by the queue, unique among what is in flight and unacknowledged.
  package let id: UInt64
  package let message: Message
  /// At least one, all with the same action and destination; one when a command delivers it.
  package let envelopes: [Envelope]
  /// The name of the action of the configuration.
  package let action: String
  /// The whole stored body when it is small and at hand; nil when it has to be asked for.
  package var body: ByteBuffer?

  package init(
    id: UInt64,
    message: Message,
    envelopes: [Envelope],
    action: String,
    body: ByteBuffer? = nil
  ) {
    precondition(!envelopes.isEmpty)
    self.id = id
    self.message = message
    self.envelopes = envelopes
    self.action = action
    self.body = body
  }

  /// Whether all of it is for the action's own method, and nothing for a command or file that an alias
  /// or a forward file names.
  var isForAction: Bool {
    envelopes.allSatisfy { envelope in
      guard case .local(let local) = envelope.kind else { return false }
      return local.method == .action
    }
  }
}

/// What became of one envelope of a task.
package struct EnvelopeOutcome: Hashable, Sendable {
  package let envelope: EnvelopeID
  package let outcome: DeliveryOutcome
  /// The remote server that said so, by name or as an address literal; empty when it was none.
  package let peer: String

  package init(envelope: EnvelopeID, outcome: DeliveryOutcome, peer: String = "") {
    self.envelope = envelope
    self.outcome = outcome
    self.peer = peer
  }
}

/// The result of one try.
package enum DeliveryOutcome: Hashable, Sendable {
  /// `relay` names the host that took it, as in log lines; nil for a local delivery. `support` says
  /// whether that host promised to give notices itself (RFC 3461 section 6.2.5).
  case delivered(text: String, relay: String?, support: NotificationSupport)
  /// To be tried again. The text has no control characters and at most `DeliveryText.bytesMax` bytes.
  case temporary(EnhancedStatus?, String)
  case permanent(EnhancedStatus?, String)
  /// It would come back to us. Permanent.
  case loop(String)
  /// Not tried: the destination has enough to do. Wait until `DeliveryEffect.release` names the hold.
  case held(HoldID)

  package enum NotificationSupport: UInt8, Sendable {
    case none = 0
    case promised = 1
  }
}

/// The waiting room of one relay or one local user, for as long as the delivering role lives.
package struct HoldID: Hashable, Sendable {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// The end of a task: one outcome for each of its envelopes. Kept until the queue acknowledges it.
package struct TaskReport: Hashable, Sendable {
  package let task: UInt64
  package let outcomes: [EnvelopeOutcome]

  package init(task: UInt64, outcomes: [EnvelopeOutcome]) {
    self.task = task
    self.outcomes = outcomes
  }
}
