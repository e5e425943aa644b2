// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Frontend

@Suite("The recipients that a transaction keeps")
struct AcceptedRecipientsTests {
  private static func ids(_ lows: [UInt32]) throws -> [EnvelopeID] {
    let message = try #require(MessageID(7))
    return try lows.map { try #require(EnvelopeID(message: message, low: $0)) }
  }

  @Test("every envelope comes back with its recipient, in order")
  func order() throws {
    let message = try #require(MessageID(7))
    let many = (UInt32(0x20001)...0x20bb8).map { $0 }
    let added: [(Address, [UInt32])] = [
      (Address(local: "a b", domain: "example.org"), [1]),
      (Address(local: "list", domain: "[IPv6:::1]"), many),
      (Address(local: "none", domain: "example.org"), []),
      (Address(local: "apart", domain: "example.org"), [9, 10, 12, 5, .max, 3]),
    ]
    var recipients = AcceptedRecipients()
    var expected: [String] = []
    for (address, lows) in added {
      let ids = try Self.ids(lows)
      recipients.add(address, ids)
      expected += ids.map { "\($0) \(address)" }
    }
    var found: [String] = []
    recipients.forEach(of: message) { found.append("\($0) \($1)") }
    #expect(found == expected)
    #expect(recipients.envelopes.count == expected.count)
  }

  @Test("an expansion is one stretch, however large it is")
  func stretches() throws {
    var recipients = AcceptedRecipients()
    for index in UInt32(0)..<33 {
      let first = index << 16 + 1
      recipients.add(
        Address(local: "list", domain: "example.org"),
        try Self.ids((first..<first + 3000).map { $0 })
      )
    }
    #expect(recipients.envelopes.count == 99_000 && recipients.stretches == 33)
  }
}
