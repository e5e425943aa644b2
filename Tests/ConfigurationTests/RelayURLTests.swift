// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Configuration

@Suite struct RelayURLTests {
  @Test(
    "relay URLs are read and printed",
    arguments: [
      ("mx.example.org", "smtp://mx.example.org:25"),
      ("smtp://mx.example.org", "smtp://mx.example.org:25"),
      ("mx.example.org:2525", "smtp://mx.example.org:2525"),
      ("smtp+tls://me@mx.example.org", "smtp+tls://me@mx.example.org:25"),
      ("smtps://mx", "smtps://mx:465"),
      ("smtp+notls://127.0.0.1", "smtp+notls://127.0.0.1:25"),
      ("lmtp://localhost:24", "lmtp://localhost:24"),
      ("smtp://[::1]:25", "smtp://[::1]:25"),
      ("SMTP://[IPv6:2001:DB8::1]", "smtp://[2001:db8::1]:25"),
      ("[127.0.0.1]", "smtp://127.0.0.1:25"),
    ]
  )
  func accepted(_ text: String, _ expected: String) throws {
    #expect(try RelayURL(parsing: text).description == expected)
  }

  @Test(
    "what is no relay URL says why",
    arguments: [
      ("http://mx", RelayURL.Fault.unknownProtocol("http")),
      ("smtp://me@mx", .label("me")), ("smtps://@mx", .label("")), ("lmtp://mx", .portMissing),
      ("", .host("")), ("smtp://", .host("")), ("smtp://a b", .host("a b")),
      ("smtp://[::1", .host("[::1")), ("smtp://[x]", .host("[x]")), ("mx:0", .port("0")),
      ("mx:65536", .port("65536")), ("mx:", .port("")), ("mx:+1", .port("+1")),
      ("-mx", .host("-mx")),
    ]
  )
  func refused(_ text: String, _ fault: RelayURL.Fault) {
    #expect(throws: fault) { try RelayURL(parsing: text) }
  }
}
