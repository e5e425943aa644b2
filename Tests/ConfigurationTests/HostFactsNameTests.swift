// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite("What a host is called")
struct HostFactsNameTests {
  private static let hosts = """
    127.0.0.1 localhost
    127.0.1.1 mx # mx.comment.example
    192.0.2.1 other.example.org other
    192.0.2.2 mail.example.org mail
    192.0.2.3 box box.example.net
    """

  @Test(
    "a name of a domain, and one that /etc/hosts has in full, is asked of nobody",
    arguments: [
      ("mx.example.com", "mx.example.com"), ("mail", "mail.example.org"),
      ("box", "box.example.net"),
    ]
  )
  func known(_ name: String, _ full: String) {
    let found = HostFacts.name(completing: name, hosts: HostFactsNameTests.hosts) { name in
      Issue.record("asked for \(name)")
      return "wrong.example.org"
    }
    #expect(found == full)
  }

  @Test(
    "a bare name that /etc/hosts does not complete is what the resolver says, if that is of use",
    arguments: [
      ("mx.example.net", "mx.example.net"), ("mx.example.net.", "mx.example.net"),
      ("server7.example.net", "server7.example.net"), (nil, "mx"), ("mx", "mx"), ("", "mx"),
      ("mx.", "mx"), (".", "mx"), ("localhost.localdomain", "mx"), ("mx.LOCALHOST", "mx"),
      ("mx example.net", "mx"), ("mx..example.net", "mx"), ("192.0.2.1 ", "mx"),
      ("m\u{fc}ller.example.net", "mx"), (String(repeating: "a.", count: 128) + "a", "mx"),
    ] as [(String?, String)]
  )
  func asked(_ answer: String?, _ full: String) {
    var asked: [String] = []
    let found = HostFacts.name(completing: "mx", hosts: HostFactsNameTests.hosts) { name in
      asked.append(name)
      return answer
    }
    #expect(found == full)
    #expect(asked == ["mx"])
  }
}
