// SPDX-License-Identifier: ISC

package import Mail
package import Queue

/// One envelope as an operator sees it: what is stored, and what the scheduler makes of it now.
package struct EnvelopeRow: Hashable, Sendable {
  package var message: Message
  package var envelope: Envelope
  package var place: EnvelopePlace

  package init(message: Message, envelope: Envelope, place: EnvelopePlace) {
    self.message = message
    self.envelope = envelope
    self.place = place
  }

  /// How long it is tried, in seconds.
  package var timeToLiveSeconds: Int64 { (place.expiry - envelope.created).wholeSeconds }

  /// When it is given up, in seconds since 1970. The schedule rounds up, operators add the time to live
  /// to the second in which it was created.
  package var expirySeconds: Int64 { envelope.created.seconds + timeToLiveSeconds }
}

/// Where an envelope is in the schedule.
package struct EnvelopePlace: Hashable, Sendable {
  package var state: RuntimeState
  /// When the next try is due; nil when none is planned.
  package var nextTry: Instant?
  /// When the try that is under way began; nil unless it is in flight.
  package var inflightSince: Instant?
  /// The number of the task, in delivery's hands, that it is tried with, as the log has it; nil unless it is
  /// in flight, and while a notice is made of it.
  package var inflightTask: UInt64?
  /// When it is given up.
  package var expiry: Instant

  package init(
    state: RuntimeState,
    nextTry: Instant?,
    inflightSince: Instant? = nil,
    inflightTask: UInt64? = nil,
    expiry: Instant
  ) {
    self.state = state
    self.nextTry = nextTry
    self.inflightSince = inflightSince
    self.inflightTask = inflightTask
    self.expiry = expiry
  }
}

extension RuntimeState {
  /// The byte that stands for it in a row.
  var code: UInt8 {
    switch self {
    case .pending: 0
    case .scheduled: 1
    case .inflight: 2
    case .held: 3
    case .suspended: 4
    case .expired: 5
    case .orphaned: 6
    case .offline: 7
    }
  }

  init?(code: UInt8) {
    guard let state = RuntimeState.allCases.first(where: { $0.code == code }) else { return nil }
    self = state
  }
}
