// SPDX-License-Identifier: ISC

package import Mail

extension Scheduler {
  /// What the scheduler is told of a new envelope.
  package struct Entry: Sendable {
    package var id: EnvelopeID
    package var kind: Kind
    /// Envelopes of one kind with the same name share a queue, a turn and a block. The caller chooses
    /// it: the action and the domain for a relay, the action and the user for a local delivery.
    package var destination: String
    package var created: Instant
    /// When it is given up.
    package var expiry: Instant
    /// How often it was tried already.
    package var tries: UInt16 = 0
    /// Not before this; nil when it may be tried at once.
    package var holdUntil: Instant?
    /// Above zero goes before its destination's others, below zero behind.
    package var priority: Int8 = 0
    package var standing = Standing.live
    package var company = Company.any

    package init(
      id: EnvelopeID,
      kind: Kind,
      destination: String,
      created: Instant,
      expiry: Instant
    ) {
      self.id = id
      self.kind = kind
      self.destination = destination
      self.created = created
      self.expiry = expiry
    }
  }

  package enum Standing: Sendable {
    case live
    case suspended
    /// In the hold queue of that name, whatever its length.
    case held(String)
    /// Found at the start, and its deliverer has it in hand already.
    case inFlight
  }

  /// Whether an envelope may be in flight beside others.
  package enum Company: Sendable {
    case any
    /// It is suspected of having killed the delivering role: no other suspect beside it, and no other
    /// recipient in its dispatch.
    case alone
  }

  /// Envelopes of one message for one destination, to be delivered in one transaction.
  package struct Dispatch: Equatable, Sendable {
    package var kind: Kind
    package var destination: String
    package var message: MessageID
    /// At least one.
    package var envelopes: [EnvelopeID]
    package var company: Company
  }

  /// How the work on an envelope in flight ended.
  package enum Outcome: Sendable {
    /// Delivered, or failed with no notice owed.
    case finished
    /// Failed for now: counts a try. Of an envelope that `expired` handed out: it could not be given up
    /// now, and is handed out again in some seconds.
    case deferred
    /// Failed for good: it is a notice from now on, and tries begin anew.
    case becameBounce(destination: String, expiry: Instant)
    /// Its deliverer has too many already.
    case held(under: String)
    /// It came back untried: its deliverer died. Due at once.
    case returned(Company)
  }

  /// What became of an envelope that came back.
  package enum Disposition: Equatable, Sendable {
    /// It is tried again, not before this; nil while it is suspended.
    case kept(next: Instant?)
    case held
    case gone(Siblings)
    /// The operator had removed it while it was in flight; whatever the outcome was, it is gone, and no
    /// notice is owed.
    case removed(Siblings)
    /// No such envelope, or it is not in flight: a late or doubled outcome.
    case notInFlight
  }

  /// Whether an envelope that has just gone leaves others of its message.
  package enum Siblings: Equatable, Sendable {
    case remain
    /// It was the last: the message goes, too.
    case none
  }

  package enum Insertion: Equatable, Sendable {
    case inserted
    case alreadyKnown
  }

  package enum Removal: Equatable, Sendable {
    case removed(Siblings)
    /// It is in flight, and goes when it is back, whatever the outcome.
    case marked
    case unknown
  }

  package enum Change: Equatable, Sendable {
    case changed
    /// It was so already, or is moving already.
    case unchanged
    case unknown
  }

  /// How many of a hold queue come out.
  package enum Release: Sendable {
    case first(Int)
    case all
    /// All, but each at its next retry time and not at once.
    case allLater
  }

  /// What the scheduler knows of one envelope.
  package struct Status: Equatable, Sendable {
    package var state: State
    package var kind: Kind
    package var destination: String
    /// When it is due, in whole seconds; nil while it is in flight or held.
    package var nextTry: Instant?
    /// When it was handed out, in whole seconds; nil unless it is in flight.
    package var inFlightSince: Instant?
    package var expiry: Instant
    package var tries: UInt16
    /// Suspended, or to be once it is back.
    package var isSuspended: Bool
    /// The operator removed it while it was in flight.
    package var isRemoved: Bool
    /// The hold queue it is in.
    package var holdQueue: String?
  }

  /// Counts of the moment, and totals since the start.
  package struct Statistics: Equatable, Sendable {
    package var envelopes = 0
    package var messages = 0
    package var pending = 0
    package var scheduled = 0
    package var inFlight = 0
    package var held = 0
    package var suspended = 0
    package var expiring = 0
    package var destinations = 0
    package var blockedDestinations = 0
    package var holdQueues = 0
    package var incomingTotal = 0
    package var expiredTotal = 0
    package var removedTotal = 0
    /// Envelopes that came back and were kept.
    package var updatedTotal = 0
    package var holdOverflowTotal = 0

    package init() {}
  }

  /// One destination and what waits for it.
  package struct DestinationStatus: Equatable, Sendable {
    package var kind: Kind
    package var name: String
    package var envelopes: Int
    package var scheduled: Int
    package var inFlight: Int
    /// Nil when it is open.
    package var blockedUntil: Instant?
  }
}
