// SPDX-License-Identifier: ISC

package import Mail

/// An envelope with its message as records (`schema/records.md`): for those who pass it on and need
/// not look into it.
package struct StoredRecord: Sendable {
  /// The envelope's.
  package var id: EnvelopeID
  /// Its record.
  package var envelope: [UInt8]
  /// That of its message.
  package var message: [UInt8]

  /// Takes records as they are.
  package init(id: EnvelopeID, envelope: [UInt8], message: [UInt8]) {
    self.id = id
    self.envelope = envelope
    self.message = message
  }

  /// Makes the records of what a store without them has.
  package init(_ stored: StoredEnvelope) {
    self.init(
      id: stored.envelope.id,
      envelope: stored.envelope.encodedRecord(),
      message: stored.message.encodedRecord()
    )
  }

  /// What the records say.
  package func decoded() throws(DecodingError) -> StoredEnvelope {
    StoredEnvelope(
      message: try Message(id: id.message, record: message),
      envelope: try Envelope(id: id, record: envelope)
    )
  }
}

/// As `EnvelopePage`.
package struct RecordPage: Sendable {
  /// In rising order of identifier.
  package var records: [StoredRecord]
  /// Where the next page goes on; nil at the end of the store.
  package var next: EnvelopeID?

  /// A page as it was read.
  package init(records: [StoredRecord], next: EnvelopeID?) {
    self.records = records
    self.next = next
  }

  /// The same page as records.
  package init(_ page: EnvelopePage) {
    self.init(records: page.envelopes.map { StoredRecord($0) }, next: page.next)
  }
}
