// SPDX-License-Identifier: ISC

import Testing

@testable import TLS

@Suite("The words of protocols")
struct TLSProtocolsTests {
  @Test(
    "words add up, ! takes away, old versions stay out",
    arguments: [
      ("tlsv1.2", TLSProtocols.version12), ("TLSv1.3", .version13), ("tlsv1.2,tlsv1.3", .usual),
      ("tlsv1.2:tlsv1.3", .usual), ("all", .usual), ("default", .usual), ("secure", .usual),
      ("!tlsv1.2", .version13), ("all, !tlsv1.3", .version12), ("tlsv1.0,tlsv1.2", .version12),
    ]
  )
  func good(text: String, protocols: TLSProtocols) throws {
    #expect(try TLSProtocols(parsing: text) == protocols)
  }

  @Test(
    "nothing, old versions alone, and unknown words are refused",
    arguments: ["", "tlsv1.1", "tlsv9", "!all"]
  )
  func bad(text: String) {
    #expect(throws: TLSError.self) { try TLSProtocols(parsing: text) }
  }
}
