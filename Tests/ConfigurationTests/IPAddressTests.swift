// SPDX-License-Identifier: ISC

import Mail
import Testing

@Suite struct IPAddressTests {
  @Test(
    "addresses are read and printed",
    arguments: [
      ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
      ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
      ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
      ("fe80::1.2.3.4", "fe80::102:304"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ]
  )
  func accepted(_ text: String, _ printed: String) {
    #expect(IPAddress(parsing: text)?.description == printed)
  }

  @Test(
    "other texts are no addresses",
    arguments: [
      "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1..2.3", ":", ":::", "1:::2", "1::2::3",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8", "12345::", "::g", "::1%eth0",
      "[::1]", "1.2.3.4:5", "::1.2.3", "1.2.3.4::", "1:", ":1", "1:2:3:4:5:6:7:1.2.3.4",
    ]
  )
  func refused(_ text: String) {
    #expect(IPAddress(parsing: text) == nil)
  }

  @Test(
    "a block holds what shares its prefix",
    arguments: [
      ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false),
      ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false), ("1.2.3.4", "1.2.3.4", true),
      ("2001:db8::/32", "2001:db8:ffff::", true), ("2001:db8::/32", "2001:db9::", false),
      ("[IPv6:::1]", "::1", true), ("IPv6:::/127", "::1", true), ("::/127", "::2", false),
      ("::/0", "ffff::", true),
    ]
  )
  func blocks(_ block: String, _ address: String, _ isInside: Bool) throws {
    let block = try #require(NetworkBlock(parsing: block))
    let address = try #require(IPAddress(parsing: address))
    #expect(block.contains(address) == isInside)
  }

  @Test(
    "other texts are no blocks",
    arguments: [
      "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10/8", "x", "/8",
    ]
  )
  func noBlocks(_ text: String) {
    #expect(NetworkBlock(parsing: text) == nil)
  }
}
