// SPDX-License-Identifier: ISC

import Mail
import Submission
import Testing

@Suite("What sendmail makes of its input")
struct SubmissionDraftTests {
  static let login = SubmissionDraft.Login(name: "jane", fullName: "Jane Doe")

  private func draft(
    _ input: String,
    _ arguments: [String] = ["bob"],
    login: SubmissionDraft.Login = SubmissionDraftTests.login
  ) throws -> SubmissionDraft {
    try SubmissionDraft(
      Array(input.utf8),
      try SendmailOptions(arguments),
      login: login,
      serverName: "host.example",
      now: Instant(milliseconds: 0)
    )
  }

  private func text(_ draft: SubmissionDraft) -> String {
    String(decoding: draft.message, as: UTF8.self)
  }

  private static let added =
    "From: Jane Doe <jane@host.example>\nDate: Thu, 1 Jan 1970 00:00:00 +0000 (UTC)\n"

  @Test("From and Date are added where they are missing")
  func missing() throws {
    let draft = try draft("Subject: x\n\nhello\n")
    #expect(text(draft) == Self.added + "Subject: x\n\nhello\n")
    #expect(draft.sender == Address(local: "jane", domain: "host.example"))
    #expect(draft.recipients == [Address(local: "bob", domain: "host.example")])
    #expect(draft.content == [])
  }

  @Test("what is there stays as it is")
  func present() throws {
    let message = "From: x <x@example.org>\nDate: today\nTo: y\n\nhello"
    let draft = try draft(message)
    #expect(text(draft) == message)
    #expect(draft.sender == Address(local: "x", domain: "example.org"))
  }

  @Test("-f wins over From, and an empty one is the null sender")
  func sender() throws {
    #expect(
      try draft("From: a@b.example\n\n", ["-f", "c", "d"]).sender?.description == "c@host.example"
    )
    #expect(try draft("From: a@b.example\n\n", ["-f", "<>", "d"]).sender == nil)
    #expect(try draft("From: two words\n\n").sender?.local == "jane")
  }

  @Test(
    "a name is quoted or encoded where it must be",
    arguments: [
      ("Jane Doe", "Jane Doe"), ("", ""), ("J. Doe", "\"J. Doe\""),
      ("a\"b\\c.", "\"a\\\"b\\\\c.\""),
      ("Jäne", "=?utf-8?B?SsOkbmU=?="), ("x\r\nBcc: y", "\"xBcc: y\""), ("\u{85}", ""),
    ]
  )
  func names(_ name: String, _ wanted: String) {
    #expect(DisplayName.encoded(name) == wanted)
  }

  @Test("a long name is cut, and divided into words that fit a line")
  func longName() {
    let words = DisplayName.encoded(String(repeating: "ä", count: 300)).split(separator: "\n ")
    #expect(words.count > 1)
    #expect(words.allSatisfy { $0.utf8.count <= 75 && $0.hasSuffix("?=") })
    #expect(
      DisplayName.encoded(String(repeating: "a", count: 300)).utf8.count == DisplayName.lengthMax
    )
  }

  @Test("the full name is the first part of the GECOS field")
  func gecos() {
    #expect(DisplayName.full(gecos: "& Doe,Room 1,,", login: "jane") == "Jane Doe")
    #expect(DisplayName.full(gecos: "", login: "jane") == "")
  }

  @Test("-t takes To, Cc and Bcc, each address once, and Bcc goes")
  func headerRecipients() throws {
    let input = "To: a, b@x.example\nCc: A <a>\nBCC: c,\n d\nbcc : e\nSubject: s\n\n"
    let draft = try draft(input, ["-t", "f"])
    #expect(
      draft.recipients.map(\.description) == [
        "f@host.example", "a@host.example", "b@x.example", "c@host.example", "d@host.example",
        "e@host.example",
      ]
    )
    #expect(text(draft) == Self.added + "To: a, b@x.example\nCc: A <a>\nSubject: s\n\n")
  }

  @Test("without -t Bcc goes, too, and nobody in it gets the message")
  func blindCopy() throws {
    let draft = try draft("Bcc: c\nTo: a\n\n", ["b"])
    #expect(draft.recipients.map(\.local) == ["b"])
    #expect(text(draft) == Self.added + "To: a\n\n")
  }

  @Test("of a message that is sent on, -t takes those who get it now")
  func resent() throws {
    let draft = try draft("To: a\nResent-To: b\nResent-Bcc: c\n\n", ["-t"])
    #expect(draft.recipients.map(\.local) == ["b", "c"])
    #expect(!text(draft).contains("Resent-Bcc"))
  }

  @Test(
    "what is no field belongs to the body",
    arguments: [
      ("hello\n", "\nhello\n"), ("", "\n"), ("To: a\nhello\n", "To: a\n\nhello\n"),
      (" To: a\n\n", "\n To: a\n\n"), (": x\n", "\n: x\n"), ("\n\nx", "\n\nx"),
    ]
  )
  func noFields(_ input: String, _ wanted: String) throws {
    #expect(text(try draft(input)) == Self.added + wanted)
  }

  @Test("a mailbox's first line and Return-Path go")
  func envelopeLines() throws {
    let input = "From jane Thu Jan  1 00:00:00 1970\nReturn-Path: <x>\nTo: a\n\nFrom b\n"
    #expect(text(try draft(input)) == Self.added + "To: a\n\nFrom b\n")
  }

  @Test("CRLF becomes LF; a CR or NUL in a field becomes a blank and begins no other field")
  func controls() throws {
    let input = "Subject: a\rBcc: evil@example.org\r\nX: a\0b\r\n\r\nbody\r\n"
    let draft = try draft(input, ["bob"])
    #expect(text(draft) == Self.added + "Subject: a Bcc: evil@example.org\nX: a b\n\nbody\n")
    #expect(draft.recipients.count == 1)
  }

  @Test(
    "a body with a long line, a lone CR or a NUL is encoded",
    arguments: [
      (String(repeating: "x", count: 989), false), (String(repeating: "x", count: 990), true),
      ("a\rb", true), ("a\0b", true), ("a\tb", false),
    ]
  )
  func encoding(_ body: String, _ isEncoded: Bool) throws {
    let message = text(try draft("To: a\n\n\(body)\n"))
    #expect(message.contains("Content-Transfer-Encoding: quoted-printable\n") == isEncoded)
    #expect(message.contains("Content-Type: text/plain; charset=us-ascii\n") == isEncoded)
    #expect(message.contains("MIME-Version: 1.0\n") == isEncoded)
    #expect(message.split(separator: "\n").allSatisfy { $0.utf8.count < 990 })
    #expect(!message.contains("\r") && !message.contains("\0"))
  }

  @Test("cron's mail keeps its type when it is encoded anew")
  func declared() throws {
    let head = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
    let draft = try draft(head + "Content-Transfer-Encoding: 8bit\n\n50 %\r100 %\n")
    #expect(
      text(draft) == Self.added + "Content-Transfer-Encoding: quoted-printable\n" + head
        + "\n50 %=0D100 %\n"
    )
  }

  @Test("parts keep their encodings; what no line may have goes")
  func composite() throws {
    let head = "Content-Type: multipart/mixed; boundary=x\n"
    #expect(text(try draft(head + "\na\rb\0c\n")) == Self.added + head + "\na\nbc\n")
  }

  @Test("eight-bit content is declared")
  func eightBit() throws {
    #expect(try draft("\nä\n").content == .eightBit)
  }

  @Test("what cannot be sent is said")
  func faults() throws {
    let none = SubmissionDraft.Fault.noRecipients
    #expect(throws: none) { try draft("To: a\n\n", []) }
    #expect(throws: none) { try draft("Subject: a\n\n", ["-t"]) }
    for text in ["a b", "a@b c", "@example.org", "a@-x", "a\u{1}b"] {
      #expect(throws: SubmissionDraft.Fault.notAnAddress(text)) { try draft("\n", [text]) }
    }
    #expect(throws: SubmissionDraft.Fault.notAnAddress("x y")) {
      try draft("\n", ["-f", "x y", "bob"])
    }
    #expect(throws: SubmissionDraft.Fault.noServerName) {
      try SubmissionDraft(
        [],
        try SendmailOptions(["a"]),
        login: Self.login,
        serverName: "",
        now: .epoch
      )
    }
  }

  @Test("there may be ten thousand recipients, and not one more")
  func manyRecipients() throws {
    let most = SubmissionDraft.Limits.recipients
    let names = (0..<most).map { "u\($0)" }
    #expect(try draft("\n", names).recipients.count == most)
    #expect(throws: SubmissionDraft.Fault.tooManyRecipients) { try draft("\n", names + ["one"]) }
  }
}

@Suite("Quoted-printable")
struct QuotedPrintableTests {
  @Test(
    "bytes are encoded, and blanks before a line's end",
    arguments: [
      ("", ""), ("a=b\n", "a=3Db\n"), ("a \nb\t", "a=20\nb=09"), ("a b", "a b"), ("ä", "=C3=A4"),
    ]
  )
  func table(_ text: String, _ wanted: String) {
    #expect(QuotedPrintable.encode(text.utf8) == Array(wanted.utf8))
  }

  @Test("no line is longer than 76, and none breaks a code")
  func lines() {
    for count in 70...160 {
      let encoded = QuotedPrintable.encode(Array(repeating: 0x61, count: count) + [0xff, 0xff])
      let lines = String(decoding: encoded, as: UTF8.self).split(separator: "\n")
      #expect(lines.allSatisfy { $0.utf8.count <= 76 })
      #expect(lines.joined().replacing("=", with: "").hasSuffix("FFFF"))
    }
  }
}
