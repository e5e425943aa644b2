// SPDX-License-Identifier: ISC

extension Scheduler {
  /// Who works on an envelope: what `smtpctl` calls mda, mta and bounce.
  package enum Kind: UInt8, CaseIterable, Sendable {
    case bounce = 0
    case local = 1
    case relay = 2
  }

  /// Where an envelope is; it is in exactly one of these.
  ///
  ///     insert ─▶ pending ─due─▶ scheduled ─nextBatch─▶ inFlight ─completed─▶ gone
  ///                 ▲  ▲                                  │   │
  ///                 │  └──────────────deferred────────────┘   └─held─▶ held ─release─▶ scheduled
  ///                 └─resume─ suspended ◀─suspend─ pending, scheduled, held
  ///
  ///     pending, held ─expiry─▶ expired ─expired()─▶ inFlight
  package enum State: UInt8, Sendable {
    /// Waits for its time.
    case pending = 1
    /// Due: waits for room, for its destination's turn, or for the end of a pause or a block.
    case scheduled = 2
    /// Handed out, and not back yet.
    case inFlight = 3
    /// Put aside until its hold queue is released, or it expires.
    case held = 4
    /// Stopped by the operator. It neither is tried nor expires until it is resumed.
    case suspended = 5
    /// Its time is up, and `expired` has not handed it out yet.
    case expired = 6
  }
}
