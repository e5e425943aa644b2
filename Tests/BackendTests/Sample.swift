// SPDX-License-Identifier: ISC

import Mail
import Queue
import Testing

/// Mail to put into stores.
enum Sample {
  static func id(_ number: UInt32) throws -> MessageID { try #require(MessageID(number)) }

  static func envelopeID(_ number: UInt32, _ low: UInt32 = 1) throws -> EnvelopeID {
    try #require(EnvelopeID(message: try id(number), low: low))
  }

  static func message(_ number: UInt32, size: Int = 0) throws -> Message {
    Message(
      id: try id(number),
      sender: Address(local: "sender", domain: "example.org"),
      created: Instant(seconds: 1_600_000_000),
      size: size,
      session: SessionFacts(
        id: SessionID(UInt64(number)),
        source: .inet4(0x7f00_0001),
        serverName: "mail.example.org",
        helo: "client.example.org",
        hostname: "localhost",
        user: "somebody",
        tag: "tag"
      )
    )
  }

  static func envelope(_ number: UInt32, _ low: UInt32 = 1) throws -> Envelope {
    Envelope(
      id: try envelopeID(number, low),
      kind: .relay,
      action: "relay",
      recipient: Address(local: "recipient\(low)", domain: "example.net"),
      destination: Address(local: "other", domain: "example.com"),
      created: Instant(seconds: 1_600_000_000)
    )
  }

  static func body(_ number: UInt32, size: Int = 300) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(number)) }
  }

  /// A message with `count` envelopes whose low halves are 1, 2, …
  static func mail(_ number: UInt32, envelopes count: Int = 1, size: Int = 300) throws -> NewMessage
  {
    NewMessage(
      message: try message(number, size: size),
      envelopes: try (1...UInt32(count)).map { try envelope(number, $0) },
      body: .bytes(body(number, size: size))
    )
  }

  static func staged(
    _ number: UInt32,
    size: Int,
    checksum: UInt32? = nil
  ) throws -> NewMessage {
    NewMessage(
      message: try message(number, size: size),
      envelopes: [try envelope(number)],
      body: .staged(size: size, checksum: checksum)
    )
  }
}

extension Store {
  /// All envelopes, read in pages of `limit`.
  func everything(limit: Int = 100) throws -> [StoredEnvelope] {
    var all: [StoredEnvelope] = []
    var next: EnvelopeID?
    repeat {
      let page = try page(after: next, limit: limit)
      #expect(page.envelopes.count <= limit)
      all += page.envelopes
      next = page.next
    } while next != nil
    return all
  }

  /// The same through their records.
  func everythingAsRecords(limit: Int) throws -> [StoredEnvelope] {
    var all: [StoredEnvelope] = []
    var next: EnvelopeID?
    repeat {
      let page = try records(after: next, limit: limit)
      #expect(page.records.count <= limit)
      all += try page.records.map { try $0.decoded() }
      next = page.next
    } while next != nil
    return all
  }

  func body(of message: MessageID) throws -> [UInt8] {
    try body(of: message, from: 0, count: 1 << 20)
  }

  /// All findings.
  func verifyAll(limit: Int = 2) throws -> [VerifyFinding] {
    var findings: [VerifyFinding] = []
    var next: MessageID?
    repeat {
      let page = try verify(after: next, limit: limit)
      findings += page.findings
      next = page.next
    } while next != nil
    return findings
  }
}
