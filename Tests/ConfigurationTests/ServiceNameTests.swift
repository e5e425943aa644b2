// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite("Names of services")
struct ServiceNameTests {
  @Test(
    "the port of an LMTP server is a number, or a name of the host's services or of those for mail",
    arguments: [
      ("h:24", "h:24"), ("h:ten", "h:10"), ("h:lmtp", "h:24"), ("192.0.2.1:ten", "192.0.2.1:10"),
      ("[::1]:lmtp", "[::1]:24"), ("[ipv6:::1]:24", "[::1]:24"),
    ]
  )
  func destinations(_ text: String, _ port: String) throws {
    let configuration = try #require(Reading.accepted("action a lmtp \"\(text)\""))
    guard case .local(let local)? = configuration.actions.first?.method,
      case .lmtp(let lmtp) = local.agent
    else {
      Issue.record("no LMTP")
      return
    }
    #expect("\(lmtp.destination)" == port)
  }

  @Test("services(5) is read as the system reads it: TCP only, aliases too, the first one counts")
  func file() {
    let text = """
      # Network services
      lmtp\t24/tcp   mail-lmtp LocalMail # delivery
      lmtp 2424/tcp
      domain 53/udp
      domain 53/tcp
      zero 0/tcp
      large 65536/tcp
      odd 7
      worse tcp/7
      echo 7/udp
      #hidden 9/tcp
      """
    #expect(
      HostFacts.services(in: text)
        == ["lmtp": 24, "mail-lmtp": 24, "LocalMail": 24, "domain": 53]
    )
  }
}
