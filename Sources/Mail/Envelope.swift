// SPDX-License-Identifier: ISC

/// One recipient of one message, and how far its delivery has come.
package struct Envelope: Hashable, Sendable {
  package var id: EnvelopeID
  package var kind: Kind
  /// The name of the action of the configuration that delivers it.
  package var action: String
  /// The recipient as the client named it.
  package var recipient: Address
  /// The recipient after expansion.
  package var destination: Address
  /// Made by expansion and not by a client.
  package var origin = Origin.client
  package var created: Instant
  /// How long it may wait. Zero: what the configuration says now.
  package var timeToLive: Duration = .zero
  /// NOTIFY of RFC 3461; empty when the sender did not say.
  package var notify: NotifyConditions = []
  /// ORCPT of RFC 3461 as `type;address`, the address decoded from xtext.
  package var originalRecipient: String?
  /// Not to be tried before this (RFC 4865).
  package var holdUntil: Instant?
  /// Deliver-by (RFC 2852).
  package var deliverBy: DeliverBy?
  package var progress = Progress()
  /// Encoded fields that this version does not know; kept as they came.
  package var unknownFields: [UInt8] = []

  /// Who delivers it.
  package enum Kind: Hashable, Sendable {
    case local(LocalDelivery)
    case relay
    case bounce(Bounce)
  }

  package enum Origin: UInt8, Sendable {
    case client = 0
    case expansion = 1
  }

  package init(
    id: EnvelopeID,
    kind: Kind,
    action: String,
    recipient: Address,
    destination: Address,
    created: Instant
  ) {
    self.id = id
    self.kind = kind
    self.action = action
    self.recipient = recipient
    self.destination = destination
    self.created = created
  }
}

/// A notice that is owed to the sender about the recipient of this envelope.
package enum Bounce: Hashable, Sendable {
  case failed
  /// `after` is the warn interval that passed, `timeToLive` how long tries go on.
  case delayed(after: Duration, timeToLive: Duration)
  /// Delivered here, or relayed to a host that gives no notices itself.
  case delivered
}

/// RFC 2852: when, and whether to return or only to notify.
package struct DeliverBy: Hashable, Sendable {
  package enum Mode: UInt8, Sendable {
    case notify = 1
    case `return` = 2
  }

  package var deadline: Instant
  package var mode: Mode

  package init(deadline: Instant, mode: Mode) {
    self.deadline = deadline
    self.mode = mode
  }
}

/// How far the delivery of an envelope has come: the part of it that changes.
package struct Progress: Hashable, Sendable {
  /// How often delivery was tried.
  package var tries: UInt16 = 0
  /// Nil before the first try.
  package var lastTry: Instant?
  /// The moment that the last delay notice was for; nil when none was sent.
  package var lastNotice: Instant?
  /// What the last failure said, without control characters; empty before the first failure.
  package var lastError = ""
  package var lastStatus: EnhancedStatus?
  /// The name of the remote mail server that said so, or its address as a literal; empty when it was none.
  package var lastPeer = ""
  /// The operator stopped it.
  package var suspension = Suspension.none
  /// How often the delivering role died while it had this envelope.
  package var crashes: UInt8 = 0

  package enum Suspension: UInt8, Sendable {
    case none = 0
    /// `smtpctl pause envelope`.
    case operatorPause = 1
    /// Its delivery killed the delivering role too often.
    case quarantine = 2
    /// The operator removed it while it was in flight: it goes as soon as it is back, or found.
    case removed = 3

    /// Whether it waits for the operator.
    package var isPause: Bool { self == .operatorPause || self == .quarantine }
  }

  package init() {}
}
