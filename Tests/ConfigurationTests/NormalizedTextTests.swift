// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct NormalizedTextTests {
  private let text = """
    table t { "a\\"b", "c d" }
    table m { "192.0.2.1" = "one.example.org" }
    listen on lo port 2525 tag x hostname h.example.org no-dsn mask-src
    listen on other.example inet6
    listen on socket tag y
    queue backend lmdb
    queue ttl 36h
    bounce warn-interval 1h, 2d
    smtp limit max-mails 7 timeout 9s
    smtp max-message-size 1M
    smtp sub-addr-delim "="
    mta limit inet6 task-hiwat 60
    mta limit for domain "Example.org" inet4 conn-delay-host 7
    mda limit max-session 3
    scheduler limit max-schedule 4
    mta max-deferred 5
    resolver 127.0.0.1@5353 ::1
    auth pam "/etc/other/mail"
    action in maildir "~/M/%{user.username}" junk user joe ttl 1d
    action cmd mda "/bin/cat %{sender}"
    action out relay host { "smtp://b", "lmtp://[::1]:24" } helo-src <m> src "192.0.2.1" \
    mail-from "@x.org"
    action back relay backup helo a.example.org
    match from src { "10.0.0.0/8" } for domain <t> mail-from "a@b" action in
    match !tag x auth joe helo <t> tls !rcpt-to regex "^a\\." from rdns action out
    match from auth <t> for rcpt-to "a@" action cmd
    match !from socket helo <localnames> reject
    """

  @Test("the normalised text means the same, and is its own normalised text")
  func roundTrip() throws {
    let configuration = try #require(Reading.report(text).configuration)
    try expectRoundTrip(of: configuration) { Reading.report($0) }
  }

  @Test("what is as it would be anyway is left out")
  func defaults() throws {
    let configuration = try #require(Reading.report("match for any reject").configuration)
    #expect(configuration.normalizedText == "match from local for any reject\n")
  }
}
