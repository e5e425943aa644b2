// SPDX-License-Identifier: ISC

package import Mail

extension Scheduler {
  /// Its deliverer has the envelope in hand already, by a dispatch of an earlier process: it is in flight
  /// until `completed`, wherever it waited.
  package mutating func claim(_ id: EnvelopeID, at now: Instant) -> Change {
    guard let index = byEnvelope.find(id.rawValue, slots), let state = slots[index].state else {
      return .unknown
    }
    guard state != .inFlight else { return .unchanged }
    leavePlace(index, now.second)
    enterFlight(index, now.second)
    return .changed
  }
}
