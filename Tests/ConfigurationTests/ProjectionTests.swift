// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Configuration

@Suite struct ProjectionTests {
  private func configuration() throws -> ServerConfiguration {
    try #require(
      Reading.accepted(
        """
        table t { "a", "b" }
        table m { "192.0.2.1" = "one.example.org" }
        table f "/f"
        pki a cert "/c"
        pki a key "/k"
        ca b cert "/ca"
        filter f phase connect match fcrdns junk
        table d db:/d
        queue compression
        queue encryption "0123456789abcdef0123456789abcdef"
        smtp ciphers "HIGH"
        srs key "s"
        mda wrapper w "nice %{mda}"
        listen on lo port 465 smtps verify pki a ca b ciphers "X" protocols "Y" auth <m> \
          senders <d> masquerade hostnames <m> received-auth proxy-v2 filter { f }
        action box mbox alias <m> userbase <d>
        action lan lmtp "[::1]:24" rcpt-to wrapper w
        action unix lmtp "/run/lmtp"
        action forwards forward-only virtual <d>
        action lists expand-only
        action far relay domain { "x" = "smtps://l@y" } tls no-verify pki a ca b auth <m> filter f \
          srs ciphers "X" protocols "Y"
        action asked relay host <d> src <d> helo-src <d>
        action asked-too relay domain <d>
        listen on lo port 2525 tag x hostname h.example.org no-dsn mask-src
        listen on socket tag "local"
        queue backend lmdb
        queue ttl 5d
        bounce warn-interval 1h, 2h
        smtp limit max-mails 7 max-rcpt 8 timeout 9s
        mta limit inet6 task-hiwat 60
        mta limit for domain "Example.org" conn-delay-host 7
        resolver 127.0.0.1@53 ::1
        action in maildir "~/M/%{user.username}" junk user joe ttl 1d
        action cmd mda "/bin/cat %{sender}"
        action out relay host { "smtp://b", "lmtp://[::1]:24" } helo-src <m> src "192.0.2.1" \
          mail-from "@x.org"
        action back relay backup mx mx.example.net helo a.example.org
        match from src { "10.0.0.0/8", "local" } for domain <t> mail-from "a@b" action in
        match !tag x auth joe helo <t> tls rcpt-to <f> from rdns action out
        match from auth <t> for rcpt-to "a@" action cmd
        """,
        files: ["/f": "x\n"]
      )
    )
  }

  @Test("every projection survives its encoding")
  func roundTrips() throws {
    let configuration = try configuration()
    let frontend = FrontendProjection(configuration)
    #expect(try FrontendProjection(decoding: frontend.encoded()) == frontend)
    let lookup = LookupProjection(configuration)
    #expect(try LookupProjection(decoding: lookup.encoded()) == lookup)
    let queue = QueueProjection(configuration)
    #expect(try QueueProjection(decoding: queue.encoded()) == queue)
    let delivery = DeliveryProjection(configuration)
    #expect(try DeliveryProjection(decoding: delivery.encoded()) == delivery)
    let resolver = ResolverProjection(configuration)
    #expect(try ResolverProjection(decoding: resolver.encoded()) == resolver)
    for passwords in [SystemPasswords.shadow, .pam(.usual)] {
      var other = configuration
      other.systemPasswords = passwords
      let accounts = AccountsProjection(other)
      #expect(accounts.passwords == (passwords == .shadow ? .shadow : .pam))
      #expect(try AccountsProjection(decoding: accounts.encoded()) == accounts)
    }
  }

  @Test("bytes that are cut off anywhere, or changed anywhere, are refused or read, never a crash")
  func hostile() throws {
    let configuration = try configuration()
    let decoders: [([UInt8], ([UInt8]) throws -> Void)] = [
      (FrontendProjection(configuration).encoded(), { _ = try FrontendProjection(decoding: $0) }),
      (LookupProjection(configuration).encoded(), { _ = try LookupProjection(decoding: $0) }),
      (QueueProjection(configuration).encoded(), { _ = try QueueProjection(decoding: $0) }),
      (DeliveryProjection(configuration).encoded(), { _ = try DeliveryProjection(decoding: $0) }),
      (AccountsProjection(configuration).encoded(), { _ = try AccountsProjection(decoding: $0) }),
      (ResolverProjection(configuration).encoded(), { _ = try ResolverProjection(decoding: $0) }),
    ]
    for (bytes, decode) in decoders {
      for count in bytes.indices {
        #expect(throws: DecodingError.self) { try decode(Array(bytes[..<count])) }
      }
      #expect(throws: DecodingError.self) { try decode(bytes + [0]) }
      for index in bytes.indices {
        for value: UInt8 in [0, 0x7f, 0xff] {
          var changed = bytes
          changed[index] = value
          try? decode(changed)
        }
      }
    }
  }

  @Test("the frontend learns the server's name for listeners without their own")
  func hostNames() throws {
    let frontend = FrontendProjection(try configuration())
    #expect(frontend.listeners.suffix(2).map(\.hostName) == ["h.example.org", "h.example.org"])
    #expect(frontend.listeners.first?.hostName == "mx.example.org")
    #expect(frontend.socket.hostName == "mx.example.org")
    #expect(frontend.listeners.suffix(2).map(\.address) == ["127.0.0.1", "::1"])
  }

  @Test("only lookup learns what is in a table: no hash, no password, no list of senders")
  func credentials() throws {
    let report = Reading.report(
      """
      pki x cert "/c"
      pki x key "/k"
      table users { "joe" = "$6$hash" }
      table own { "joe" = "own@example.org" }
      table secrets { "label" = "joe:password" }
      listen on lo tls pki x auth <users> senders <own>
      action out relay host "smtps://label@x" auth <secrets>
      match from auth for any action out
      """
    )
    let configuration = try #require(report.configuration)
    let secrets = ["$6$hash", "own@example.org", "joe:password"]
    func told(_ bytes: [UInt8]) -> [String] {
      let text = String(decoding: bytes, as: UTF8.self)
      return secrets.filter { text.contains($0) }
    }
    #expect(told(LookupProjection(configuration).encoded()) == secrets)
    #expect(told(FrontendProjection(configuration).encoded()) == [])
    #expect(told(DeliveryProjection(configuration).encoded()) == [])
    #expect(told(QueueProjection(configuration).encoded()) == [])
    #expect(told(ResolverProjection(configuration).encoded()) == [])
  }

  @Test("delivery does not learn commands")
  func commands() throws {
    let bytes = DeliveryProjection(try configuration()).encoded()
    #expect(!String(decoding: bytes, as: UTF8.self).contains("/bin/cat"))
  }
}
