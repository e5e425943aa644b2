// SPDX-License-Identifier: ISC

import Submission
import Testing

@Suite("Addresses in fields")
struct AddressListTests {
  static let table: [(String, [String])] = [
    ("", []),
    (" a@example.org\n", ["a@example.org"]),
    ("a, b@example.org,,c", ["a", "b@example.org", "c"]),
    (
      "John Doe <john@example.org>, \"Doe, Jane\" <jane@example.org>",
      [
        "john@example.org", "jane@example.org",
      ]
    ),
    ("a@example.org (a, comment (and one \\) more)), b", ["a@example.org", "b"]),
    ("friends: a@example.org, b <b@example.org>;, c", ["a@example.org", "b@example.org", "c"]),
    ("undisclosed-recipients:;", []),
    ("<@relay.example,@other.example:a@example.org>", ["a@example.org"]),
    ("\"john doe\"@example.org", ["\"john doe\"@example.org"]),
    ("\"a<b>,c\" <d@example.org>", ["d@example.org"]),
    ("a . b @ example . org", ["a.b@example.org"]),
    ("a@example.org,\n\tb@example.org", ["a@example.org", "b@example.org"]),
    ("two words", ["two words"]),
    ("<>", []),
    ("a@[IPv6:2001:db8::1]", ["a@[IPv6:2001:db8::1]"]),
    ("<a@example.org", ["a@example.org"]),
    ("\"open@example.org", ["\"open@example.org"]),
  ]

  @Test("each form gives its addresses", arguments: table)
  func forms(_ text: String, _ wanted: [String]) {
    #expect(AddressList.addresses(in: text.utf8) == wanted)
  }

  @Test("a hundred thousand parentheses cost no more than their bytes")
  func depth() {
    let text = String(repeating: "(", count: 100_000) + "a@example.org"
    #expect(AddressList.addresses(in: text.utf8) == [])
  }
}
