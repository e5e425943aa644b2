// SPDX-License-Identifier: ISC

package import Mail

/// One envelope as an operator sees it: what is stored, and what the scheduler makes of it now.
package struct EnvelopeRow: Hashable, Sendable {
  package var message: Message
  package var envelope: Envelope
  package var state: State
  /// When the next try is due; nil when none is planned.
  package var nextTry: Instant?
  /// When it is given up.
  package var expiry: Instant

  package enum State: UInt8, CaseIterable, Sendable {
    case pending = 0
    case inflight = 1
    /// Its destination is blocked: it waits for the destination and not for a time.
    case held = 2
    /// Its action is not in the configuration.
    case orphaned = 3
    /// The daemon does not run.
    case offline = 4
  }

  package init(
    message: Message,
    envelope: Envelope,
    state: State,
    nextTry: Instant?,
    expiry: Instant
  ) {
    self.message = message
    self.envelope = envelope
    self.state = state
    self.nextTry = nextTry
    self.expiry = expiry
  }
}
