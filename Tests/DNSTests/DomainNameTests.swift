// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import DNS

@Suite("Names and texts of the resolver")
struct DomainNameTests {
  @Test(
    "names that can be hosts are taken, in lower case and without the final dot",
    arguments: [
      ("Example.ORG", "example.org"), ("example.org.", "example.org"), ("localhost", "localhost"),
      ("_25._tcp.mx.example.org", "_25._tcp.mx.example.org"), ("3com.example", "3com.example"),
      ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ]
  )
  func accepted(_ text: String, _ expected: String) {
    #expect(DomainName(text)?.text == expected)
  }

  @Test(
    "what cannot be a host's name is refused",
    arguments: [
      "", ".", "a..b", ".a", "-a.org", "a-.org", "a b.org", "a\u{0}.org", "bücher.example",
      "192.0.2.1", "a.1", "[192.0.2.1]", "a.org..",
    ]
  )
  func refused(_ text: String) { #expect(DomainName(text) == nil) }

  @Test("labels end at 63 bytes and names at 253")
  func limits() {
    let label = String(repeating: "a", count: 63)
    #expect(DomainName(label + ".org") != nil)
    #expect(DomainName(label + "a.org") == nil)
    let long = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
    #expect(long.utf8.count == 253)
    #expect(DomainName(long) != nil)
    #expect(DomainName(long + ".") != nil)
    #expect(DomainName("c" + long) == nil)
  }

  @Test("damaged record data is refused")
  func recordData() {
    #expect(RecordData.mailExchanger([]) == nil)
    #expect(RecordData.mailExchanger([0, 1]) == nil)
    #expect(RecordData.mailExchanger([0, 1, 3, 0x61, 0x62]) == nil)
    #expect(RecordData.mailExchanger([0, 1, 0xc0, 12]) == nil)
    #expect(RecordData.mailExchanger([0, 1, 1, 0x61, 0, 9]) == nil)
    #expect(RecordData.domainName([3, 0x61, 0x2e, 0x62, 0]) == nil)
  }

  @Test("resolv.conf names servers; without one it is this host")
  func resolvConf() {
    let text =
      "# nameserver 192.0.2.9\nsearch a b\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n"
      + "nameserver\t2001:db8::1 \n"
    #expect(
      DNSServer.servers(resolvConf: text).map(\.address.description) == [
        "192.0.2.1", "2001:db8::1",
      ]
    )
    #expect(DNSServer.servers(resolvConf: "").map(\.address.description) == ["127.0.0.1"])
  }

  @Test("a server may have a port")
  func server() {
    #expect(DNSServer(parsing: "192.0.2.1@5353")?.port == 5353)
    #expect(DNSServer(parsing: "::1")?.port == 53)
    #expect(DNSServer(parsing: "192.0.2.1@0") == nil)
    #expect(DNSServer(parsing: "192.0.2.1@") == nil)
    #expect(DNSServer(parsing: "name@53") == nil)
  }

  @Test("reverse names of both families")
  func reverse() {
    #expect(reverseName(.inet4(0xc000_0201)) == "1.2.0.192.in-addr.arpa")
    #expect(
      reverseName(.inet6(0x2001_0db8_0000_0000, 1))
        == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    )
  }
}
