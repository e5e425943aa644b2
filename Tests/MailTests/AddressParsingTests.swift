// SPDX-License-Identifier: ISC

import Testing

@testable import Mail

@Suite("Reading and writing addresses")
struct AddressParsingTests {
  @Test(
    "a mailbox is read into local part and domain, and written as it was",
    arguments: [
      ("a@b", "a", "b"),
      ("john.doe+tag@example.com", "john.doe+tag", "example.com"),
      ("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~", "example.com"),
      ("\"john doe\"@example.com", "john doe", "example.com"),
      ("\"a\\\"b\\\\c\"@example.com", "a\"b\\c", "example.com"),
      ("\"a@b\"@example.com", "a@b", "example.com"),
      ("\"a..b\"@example.com", "a..b", "example.com"),
      ("x@[192.0.2.1]", "x", "[192.0.2.1]"),
      ("x@[IPv6:2001:db8::1]", "x", "[IPv6:2001:db8::1]"),
      ("x@sub_domain.example", "x", "sub_domain.example"),
    ]
  )
  func mailbox(_ text: String, _ local: String, _ domain: String) throws {
    let address = try Address(parsing: text)
    #expect(address == Address(local: local, domain: domain))
    #expect(address.description == text)
  }

  @Test("quotes that are not needed are not written")
  func unneededQuotes() throws {
    #expect(try Address(parsing: "\"john\"@example.com").description == "john@example.com")
    #expect(try Address(parsing: "\"a\\b\"@example.com").description == "ab@example.com")
  }

  @Test(
    "what is no mailbox is refused",
    arguments: [
      "", "@", "a@", "@b", "a", "a b@c", ".a@b", "a.@b", "a..b@c", "a@b@c", "a@.b", "a@b.",
      "a@b..c",
      "a@-b", "a@b-", "a@b-.c", "a@b c", "a@b\r\n", "a\n@b", "a\u{0}@b", "é@b", "a@é", "a@[b]",
      "a@[192.0.2]", "a@[192.0.2.1", "a@[2001:db8::1]", "a@[IPv6:x]", "a@[IPv6:192.0.2.1]",
      "\"\"@b",
      "\"a@b", "\"a\\\"@b", "\"a\"b@c", "\"a\n\"@b", "a(comment)@b", "a;b@c", "a@b;c", "a@b,c",
      "<a@b>",
      "a@b>",
    ]
  )
  func refused(_ text: String) {
    #expect(throws: Address.SyntaxError.self) { try Address(parsing: text) }
  }

  @Test("each part may have 255 bytes, and not one more; a label 63")
  func lengths() throws {
    let local = String(repeating: "l", count: 255)
    let label = String(repeating: "d", count: 63)
    let domain = "\(label).\(label).\(label).\(label)"
    #expect(domain.utf8.count == 255)
    #expect(try Address(parsing: "\(local)@\(domain)").description == "\(local)@\(domain)")
    #expect(throws: Address.SyntaxError.tooLong) { try Address(parsing: "l\(local)@b") }
    #expect(throws: Address.SyntaxError.tooLong) { try Address(parsing: "a@x\(domain)") }
    #expect(throws: Address.SyntaxError.domain) { try Address(parsing: "a@\(label)d.org") }
  }

  @Test("a missing domain is completed, but only behind a local part that is one")
  func completion() throws {
    let postmaster = try Address(parsing: "postmaster", completedWith: "example.org")
    #expect(postmaster == Address(local: "postmaster", domain: "example.org"))
    #expect(throws: Address.SyntaxError.missingDomain) { try Address(parsing: "postmaster") }
    for text in [";sh", "a b", "a;", "", "a@"] {
      #expect(throws: Address.SyntaxError.self) {
        try Address(parsing: text, completedWith: "example.org")
      }
    }
  }

  @Test(
    "a path is read to its end, its route dropped",
    arguments: [
      ("<>", nil, 2), ("<a@b> SIZE=1", "a@b", 5), ("<@r1,@r2.example:a@b>", "a@b", 21),
      ("<a>", "a@here", 3), ("<\"a>b\"@c>", "\"a>b\"@c", 9), ("<a@[IPv6:::1]>", "a@[IPv6:::1]", 14),
    ] as [(String, String?, Int)]
  )
  func path(_ text: String, _ address: String?, _ length: Int) throws {
    let bytes = Array(text.utf8)
    let path = try Address.path(in: bytes.span, completedWith: "here")
    #expect(path.address?.description == address)
    #expect(path.length == length)
  }

  @Test(
    "what is no path is refused",
    arguments: [
      "", "<", "a@b", "<a@b", "<a@b ", "<a b>", "< a@b>", "<a@b >", "<@r:>", "<@r a@b>", "<@r",
      "<@>",
      "<<a@b>", "<x:a@b>", "<\"a>", "<a@b\u{0}>",
    ]
  )
  func refusedPath(_ text: String) {
    let bytes = Array(text.utf8)
    #expect(throws: Address.SyntaxError.self) {
      try Address.path(in: bytes.span, completedWith: "here")
    }
  }

  @Test("no cut-off beginning of a path traps")
  func prefixes() {
    let bytes = Array("<@a.b,@c:\"x\\\"y\"@[IPv6:2001:db8::1]>".utf8)
    for count in 0..<bytes.count {
      let start = Array(bytes[..<count])
      #expect(throws: Address.SyntaxError.self) { try Address.path(in: start.span) }
    }
  }
}
