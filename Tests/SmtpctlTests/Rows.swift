// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// Rows that the snapshots are made of.
enum Rows {
  static func id(_ raw: UInt64) -> EnvelopeID {
    guard let id = EnvelopeID(raw) else { preconditionFailure("not an identifier: \(raw)") }
    return id
  }

  static func row(_ raw: UInt64 = 0x0000_00aa_0000_00bb) -> EnvelopeRow {
    let id = id(raw)
    let recipient = Address(local: "bob", domain: "example.net")
    return EnvelopeRow(
      message: Message(
        id: id.message,
        sender: Address(local: "ann", domain: "example.org"),
        created: Instant(seconds: 1_700_000_000),
        size: 512,
        session: SessionFacts(
          id: SessionID(0x42),
          source: .local,
          serverName: "mx.example.org",
          helo: "localhost",
          hostname: "localhost"
        )
      ),
      envelope: Envelope(
        id: id,
        kind: .relay,
        action: "outbound",
        recipient: recipient,
        destination: recipient,
        created: Instant(seconds: 1_700_000_000)
      ),
      place: EnvelopePlace(
        state: .pending,
        nextTry: Instant(seconds: 1_700_001_400),
        expiry: Instant(seconds: 1_700_345_600)
      )
    )
  }

  static func changed(_ change: (inout EnvelopeRow) -> Void) -> EnvelopeRow {
    var row = row()
    change(&row)
    return row
  }
}
