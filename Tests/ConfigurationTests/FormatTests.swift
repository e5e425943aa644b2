// SPDX-License-Identifier: ISC

import Mail
import Testing

@testable import Configuration

@Suite struct FormatTests {
  private let values = FormatValues(
    sender: Address(local: "Some.One", domain: "Example.ORG"),
    recipient: Address(local: "joe+tag", domain: "mx.example.org"),
    destination: Address(local: "joe+tag", domain: "example.org"),
    userName: "joe",
    userDirectory: "/home/joe"
  )

  private func expand(
    _ text: String,
    for purpose: Format.Purpose = .path,
    with values: FormatValues? = nil
  ) throws(Format.Fault) -> String {
    try Format(parsing: text, for: purpose).expand(with: values ?? self.values)
  }

  @Test(
    "tokens, slices and modifiers",
    arguments: [
      ("/var/%{user.username}", "/var/joe"),
      ("~/Maildir", "/home/joe/Maildir"),
      ("/x~/", "/x~/"),
      ("%{user.directory}/M", "/home/joe/M"),
      ("100%%", "100%"), ("100% a", "100% a"), ("%", "%"), ("%%{sender}", "%{sender}"),
      ("%{sender}", "Some.One@Example.ORG"),
      ("%{SENDER.user:lowercase}", "some.one"),
      ("%{sender.domain:uppercase}", "EXAMPLE.ORG"),
      ("%{rcpt}", "joe+tag@mx.example.org"),
      ("%{rcpt:strip}", "joe@mx.example.org"),
      ("%{dest.user:strip|uppercase}", "JOE"),
      ("%{user.username[0]}", "j"), ("%{user.username[-1]}", "e"),
      ("%{user.username[0:1]}", "jo"), ("%{user.username[1:]}", "oe"),
      ("%{user.username[:1]}", "jo"), ("%{user.username[-2:-1]}", "oe"),
      ("%{user.username[0]:uppercase}", "J"),
      ("%{mbox.from}", "Some.One@Example.ORG"),
    ]
  )
  func expansion(_ text: String, _ expected: String) throws {
    #expect(try expand(text) == expected)
  }

  @Test(
    "the null sender",
    arguments: [
      ("%{sender}", ""), ("%{sender.user}", ""), ("%{mbox.from}", "MAILER-DAEMON"),
    ]
  )
  func nullSender(_ text: String, _ expected: String) throws {
    var values = values
    values.sender = nil
    #expect(try expand(text, with: values) == expected)
  }

  @Test(
    "what is no format says why",
    arguments: [
      ("%{sender", Format.Fault.unclosed), ("%{nobody}", .unknownToken("nobody")),
      ("%{}", .unknownToken("")), ("%{sender:loud}", .unknownModifier("loud")),
      ("%{sender:}", .unknownModifier("")), ("%{sender[x]}", .slice("x")),
      ("%{sender[]}", .slice("")), ("%{sender[1:2:3]}", .slice("1:2:3")),
      ("%{sender[1}", .slice("sender[1")), ("%{sender[1]x}", .slice("sender[1]x")),
    ]
  )
  func refused(_ text: String, _ fault: Format.Fault) {
    #expect(throws: fault) { try Format(parsing: text, for: .path) }
  }

  @Test(
    "no value from the network names the program that a command runs",
    arguments: [
      ("/hooks/%{dest.user}", Format.Token.destinationUser), ("%{rcpt}", .recipient),
      ("%{sender.user:raw}x a b", .senderUser), ("'/hooks/%{rcpt.user}' a", .recipientUser),
      ("\"/hooks/%{sender.domain}\"", .senderDomain), ("x; %{rcpt}", .recipient),
      ("cat | /hooks/%{dest}", .destination), ("x && %{dest.domain}", .destinationDomain),
      ("if true; then %{rcpt.domain}; fi", .recipientDomain), ("A=b %{sender}", .sender),
      ("exec %{mbox.from}", .mailboxFrom), ("exec -a x %{sender}", .sender),
      ("/usr/bin/env /hooks/%{dest.user}", .destinationUser), ("env -u A %{rcpt}", .recipient),
      ("nice -n 10 /hooks/%{rcpt}", .recipient), ("/usr/bin/nohup %{rcpt}", .recipient),
      ("sh /hooks/%{dest.user}", .destinationUser), ("bash -x %{rcpt}", .recipient),
      ("nice -n 10 x %{rcpt}", nil), ("/usr/bin/env -u A x %{rcpt}", nil),
      (". /hooks/%{dest.user}", .destinationUser), ("env -i A=%{rcpt} %{sender}", .sender),
      (">/x 2>&1 %{rcpt}", .recipient), ("echo $(%{rcpt} a)", .recipient),
      ("echo `%{rcpt} a`", .recipient), ("$(echo %{rcpt}) a", .recipient),
      ("\"$(echo \"%{rcpt}\")\" a", .recipient), ("(%{rcpt})", .recipient),
      ("case a in a) %{rcpt};; esac", .recipient), ("! %{rcpt}", .recipient),
      ("sh -c '/hooks/%{dest.user} a'", .destinationUser), ("/bin/sh -ec \"%{rcpt}\"", .recipient),
      ("sh -c 'a; sh -c \"%{rcpt}\"'", .recipient), ("{ %{rcpt}; }", .recipient),
      ("x\\; %{rcpt}", nil), ("x ';' %{rcpt}", nil), ("x a=%{rcpt} %{sender}", nil),
      ("A=%{rcpt} x", nil), ("x >/a/%{rcpt} %{sender}", nil), (">/a/%{rcpt} x", nil),
      ("x $(y %{rcpt}) %{sender}", nil), ("sh -c 'x %{rcpt}' %{sender}", nil),
      ("sh /x %{rcpt}", nil), ("A=$(x %{rcpt}) y", nil), ("x \"a; %{rcpt}\"", nil),
      ("[ %{rcpt} = a ] && x", nil), ("case %{rcpt} in a) x;; esac", nil),
      ("~/bin/x %{rcpt}", nil), ("%{user.directory}/bin/%{user.username} %{rcpt}", nil),
      ("%{mda} %{rcpt}", nil), ("x %%{rcpt}", nil),
    ]
  )
  func program(_ text: String, _ token: Format.Token?) throws {
    if let token {
      #expect(throws: Format.Fault.program(token)) { try Format(parsing: text, for: .command) }
    } else {
      _ = try Format(parsing: text, for: .command)
    }
    _ = try Format(parsing: text, for: .path)
  }

  @Test(
    "a slice outside of the value fails",
    arguments: [
      "%{user.username[3]}", "%{user.username[-4]}", "%{user.username[0:3]}",
      "%{user.username[2:1]}",
    ]
  )
  func outOfRange(_ text: String) {
    #expect(throws: Format.Fault.outOfRange(.userName)) { try expand(text) }
  }

  @Test("a token and a result may be as long as their limits, and no longer")
  func limits() throws {
    let token = "sender:" + Array(repeating: "raw", count: 30).joined(separator: "|")
    let padded = token + "|lowercase"
    #expect(padded.utf8.count > Format.Limits.token)
    #expect(throws: Format.Fault.tokenTooLong(padded.utf8.count)) {
      try Format(parsing: "%{\(padded)}", for: .path)
    }
    #expect(try expand("%{\(token)}") == "Some.One@Example.ORG")
    let longest = String(repeating: "a", count: Format.Limits.result)
    #expect(try expand(longest) == longest)
    #expect(throws: Format.Fault.resultTooLong) { try expand(longest + "a") }
  }

  private let hostile = Address(local: "../;$(x)`y`'\"|&\n<>\\* /", domain: "h")

  @Test("a value from the network cannot leave its directory")
  func path() throws {
    var values = values
    values.recipient = hostile
    for modifier in ["", ":raw"] {
      let result = try expand("/m/%{rcpt.user\(modifier)}/x", with: values)
      #expect(result.split(separator: "/").count == 3)
      #expect(result.utf8.allSatisfy { $0 >= 0x20 })
    }
    values.recipient = Address(local: "..", domain: "h")
    #expect(throws: Format.Fault.unsafePath) { try expand("/m/%{rcpt.user}", with: values) }
  }

  @Test("a value from the network means nothing to a shell, raw or not", arguments: ["", ":raw"])
  func command(_ modifier: String) throws {
    var values = values
    values.recipient = hostile
    let result = try expand("x %{rcpt.user\(modifier)}", for: .command, with: values)
    #expect(!result.dropFirst(2).contains { "!#$%&'*?`{|}~;<>\\\"()\n ".contains($0) })
    // A slash is a part of the address, and harmless in a word (`Decisions/0013`).
    #expect(result.filter { $0 == "/" }.count == 2)
  }
}
