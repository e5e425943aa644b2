// SPDX-License-Identifier: ISC

package import Mail

/// An envelope with its message as records (`schema/records.md`): for those who pass it on and need
/// not look into it.
package struct StoredRecord: Sendable {
  package var id: EnvelopeID
  package var envelope: [UInt8]
  package var message: [UInt8]

  package init(id: EnvelopeID, envelope: [UInt8], message: [UInt8]) {
    self.id = id
    self.envelope = envelope
    self.message = message
  }

  package init(_ stored: StoredEnvelope) {
    self.init(
      id: stored.envelope.id,
      envelope: stored.envelope.encodedRecord(),
      message: stored.message.encodedRecord()
    )
  }

  package func decoded() throws(DecodingError) -> StoredEnvelope {
    StoredEnvelope(
      message: try Message(id: id.message, record: message),
      envelope: try Envelope(id: id, record: envelope)
    )
  }
}

/// As `EnvelopePage`.
package struct RecordPage: Sendable {
  package var records: [StoredRecord]
  package var next: EnvelopeID?

  package init(records: [StoredRecord], next: EnvelopeID?) {
    self.records = records
    self.next = next
  }

  package init(_ page: EnvelopePage) {
    self.init(records: page.envelopes.map { StoredRecord($0) }, next: page.next)
  }
}
