// SPDX-License-Identifier: ISC

import Mail
import Submission
import Testing

@Suite("The command line of sendmail")
struct SendmailOptionsTests {
  @Test("options are read, wherever they stand")
  func options() throws {
    let options = try SendmailOptions([
      "-i", "-oem", "-oi", "-t", "-fa@example.org", "-F", "A B", "-Nsuccess,delay", "-R", "hdrs",
      "-V", "id 1", "-v", "-B", "8BITMIME", "-E", "-x", "-m", "b@example.org",
    ])
    var wanted = SendmailOptions()
    wanted.takesRecipients = true
    wanted.sender = "a@example.org"
    wanted.fullName = "A B"
    wanted.notify = [.success, .delay]
    wanted.returnContent = .headers
    wanted.envelopeIdentifier = "id 1"
    wanted.isVerbose = true
    wanted.recipients = ["b@example.org"]
    #expect(options == wanted)
  }

  @Test(
    "an option may stand behind a recipient, with its value, but not behind --",
    arguments: [
      (["user", "-f", "x"], "x", ["user"]), (["user", "-fx", "other"], "x", ["user", "other"]),
      (["-f", "x", "user"], "x", ["user"]), (["a", "-", "-f", "x", "b"], "x", ["a", "-", "b"]),
      (["user", "-f", "--", "-v"], "--", ["user"]),
      (["user", "--", "-f", "x"], nil, ["user", "-f", "x"]),
      (["--", "user", "-fx", "--"], nil, ["user", "-fx", "--"]),
      (["a", "-fx", "--", "-fy"], "x", ["a", "-fy"]),
    ] as [([String], String?, [String])]
  )
  func behindRecipients(_ arguments: [String], _ sender: String?, _ recipients: [String]) throws {
    let options = try SendmailOptions(arguments)
    #expect(options.sender == sender && options.recipients == recipients)
  }

  @Test("flags may stand in one word, and the last may have its value there")
  func bundles() throws {
    let options = try SendmailOptions(["-tvf", "a@example.org", "--", "-b@example.org"])
    #expect(options.takesRecipients && options.isVerbose)
    #expect(options.sender == "a@example.org")
    #expect(options.recipients == ["-b@example.org"])
  }

  @Test(
    "everything that is accepted and ignored is ignored",
    arguments: [
      ["-Ax"], ["-A", "x"], ["-Bx"], ["-bm"], ["-bd"], ["-bt"], ["-b", "v"], ["-b", ""], ["-E"],
      ["-Ex"], ["-ex"], ["-i"], ["-J"], ["-Lx"],
      ["-m"], ["-ox"], ["-o", "x"], ["-px"], ["-x"], ["-S"],
    ]
  )
  func ignored(_ arguments: [String]) throws {
    var wanted = SendmailOptions()
    wanted.recipients = ["a"]
    #expect(try SendmailOptions(arguments + ["a"]) == wanted)
  }

  @Test(
    "-f and -r with nothing are the null sender",
    arguments: [["-f", ""], ["-r", "<>"], ["-f<>"]]
  )
  func nullSender(_ arguments: [String]) throws {
    #expect(try SendmailOptions(arguments).sender == "")
  }

  @Test("modes")
  func modes() throws {
    #expect(try SendmailOptions(["-bi"]).mode == .aliases)
    #expect(try SendmailOptions(["-bp"]).mode == .queue)
    #expect(try SendmailOptions(["-bs"]).mode == .dialog)
    #expect(try SendmailOptions(["-bm"]).mode == .send)
  }

  @Test(
    "what sendmail can and this cannot is said",
    arguments: ["-q", "-qf", "-q30m"]
  )
  func unsupported(_ argument: String) {
    #expect {
      try SendmailOptions([argument, "a"])
    } throws: { error in
      if case .unsupported? = error as? SendmailOptions.Misuse { true } else { false }
    }
  }

  @Test(
    "what cannot be read is a misuse",
    arguments: [
      ["-Z"], ["-f"], ["a", "-f"], ["a", "-Z"], ["-N", "often"], ["-N", "never,delay"], ["-N", ""],
      ["-R", "half"],
      ["-V", ""],
      ["-V", String(repeating: "x", count: 101)], ["-V", "a\nb"],
    ]
  )
  func misuse(_ arguments: [String]) {
    #expect {
      try SendmailOptions(arguments)
    } throws: { error in
      if case .usage? = error as? SendmailOptions.Misuse { true } else { false }
    }
  }

  @Test("an envelope identifier may have 100 bytes")
  func identifier() throws {
    let text = String(repeating: "x", count: 100)
    #expect(try SendmailOptions(["-V", text]).envelopeIdentifier == text)
  }
}
