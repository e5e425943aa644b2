// SPDX-License-Identifier: ISC

import Mail
import Queue

/// Values that the tests of this module begin with.
enum Sample {
  static let now = Instant(seconds: 1_800_000_000)

  static func message(_ number: UInt32 = 0x0a1b_2c3d) -> Message {
    guard let id = MessageID(number) else { preconditionFailure("no identifier") }
    var message = Message(
      id: id,
      sender: Address(local: "alice", domain: "example.org"),
      created: now - .seconds(7200),
      size: 2_000_000,
      session: SessionFacts(
        id: SessionID(7),
        source: .inet4(0x7f00_0001),
        serverName: "mx.example.org",
        helo: "client.example.org",
        hostname: "client.example.org",
        user: "alice",
        tag: "submission"
      )
    )
    message.priority = 3
    return message
  }

  static func envelope(_ message: Message, low: UInt32 = 1, to local: String = "bob") -> Envelope {
    guard let id = EnvelopeID(message: message.id, low: low) else {
      preconditionFailure("no identifier")
    }
    var envelope = Envelope(
      id: id,
      kind: .relay,
      action: "out",
      recipient: Address(local: local, domain: "example.net"),
      destination: Address(local: local, domain: "mail.example.net"),
      created: message.created
    )
    envelope.progress.tries = 3
    envelope.progress.lastError = "451 4.4.1 Connection timeout"
    return envelope
  }

  static func stored() -> StoredEnvelope {
    let message = message()
    return StoredEnvelope(message: message, envelope: envelope(message))
  }
}
