// SPDX-License-Identifier: ISC

internal import Mail
internal import Queue
internal import StoreJournal

/// What the fuzz target and its corpus test run.
package enum JournalFuzzing {
  /// Takes `bytes` for an envelope's file and for a journal's, and opens a store on the latter.
  ///
  /// Returns how many changes were recovered.
  @discardableResult
  package static func run(_ bytes: [UInt8]) -> Int {
    guard let id = EnvelopeID(0x0123_4567_89ab_cdef) else { return 0 }
    if let stored = try? EnvelopeText.decode(bytes, id: id) {
      let again = EnvelopeText.encode(stored.message, stored.envelope)
      precondition((try? EnvelopeText.decode(again, id: id)) == stored, "not the same envelope")
    }
    let recovery = JournalRecovery([(0, SegmentScan(bytes))], acknowledged: nil)
    var changes = 0
    for step in recovery.steps {
      for range in step.group.changes where (try? JournalChange(bytes, range)) != nil {
        changes += 1
      }
    }
    // Checksums stop nearly everything: take the bytes for a change as well.
    _ = try? JournalChange(bytes, 0..<bytes.count)
    return changes
  }
}
