// SPDX-License-Identifier: ISC

import ControlProtocol
import Testing

@testable import smtpctl

@Suite("The command line's options")
struct OptionsTests {
  @Test("Options stand before, between and behind the words")
  func anywhere() throws {
    for arguments in [
      ["--json", "-S", "/x", "show", "queue"], ["show", "--json", "queue", "-S/x"],
      ["-S", "/x", "show", "queue", "--json"],
    ] {
      let options = try Options(arguments)
      #expect(options.words == ["show", "queue"])
      #expect(options.style == .json)
      #expect(options.mode == .execute)
      #expect(options.state == "/x")
    }
    #expect(try Options(["--dry-run", "remove", "all"]).mode == .dryRun)
  }

  @Test("Behind two dashes everything is a word")
  func dashes() throws {
    let options = try Options(["--json", "--", "reassign", "--json", "-"])
    #expect(options.words == ["reassign", "--json", "-"])
    #expect(try Options(["-"]).words == ["-"])
  }

  @Test("What follows explain and encrypt is theirs, a value that looks like an option too")
  func ownOptions() throws {
    let words = ["encrypt", "-m", "bcrypt", "-secret"]
    #expect(try Options(["--json"] + words).words == words)
    #expect(try Options(["enc", "-mbcrypt"]).words == ["enc", "-mbcrypt"])
    #expect(throws: Options.Failure.unknown("-m")) { try Options(["-m", "encrypt"]) }
  }

  @Test("The program's other names, by the last part of what it is started as")
  func personalities() {
    for name in ["sendmail", "send-mail", "mailq", "newaliases", "makemap"] {
      #expect(Personality.named("/usr/sbin/\(name)")?.name == name)
      #expect(Personality.named(name)?.name == name)
    }
    for name in ["smtpctl", "", "/", "sendmail.old", "xsendmail"] {
      #expect(Personality.named(name) == nil)
    }
  }

  @Test("Help and version are purposes of their own")
  func purposes() throws {
    #expect(try Options(["show", "--help"]).purpose == .help)
    #expect(try Options(["-h"]).purpose == .help)
    #expect(try Options(["--version"]).purpose == .version)
    #expect(try Options([]).purpose == .command)
  }

  @Test(
    "What is no option is refused, with the usage",
    arguments: [
      (["--frob"], .unknown("--frob")), (["show", "-x"], .unknown("-x")),
      (["--json=yes"], .unexpectedValue("--json")), (["-S"], .missingValue("-S")),
    ] as [([String], Options.Failure)]
  )
  func refused(_ arguments: [String], _ failure: Options.Failure) {
    #expect(throws: failure) { try Options(arguments) }
    #expect(failure.text.hasSuffix(Options.usage))
  }

  @Test("The help names every command")
  func help() {
    for entry in CommandTable.entries { #expect(Options.help.contains("\n  \(entry.help)")) }
  }
}
