// SPDX-License-Identifier: ISC

import Testing

@testable import smtpctl

@Suite("Words of the command line")
struct CommandLineWordsTests {
  static func form(_ line: String) throws(CommandLineWords.Failure) -> String {
    let words = line.split(separator: " ").map(String.init)
    return try CommandLineWords.match(words, in: CommandTable.entries).entry.help
  }

  @Test(
    "Beginnings that are one keyword's only mean that keyword",
    arguments: [
      ("show queue", "show queue [<msgid>|<query>]"),
      ("sho q", "show queue [<msgid>|<query>]"),
      ("sh sta", ""), ("sh stat", ""), ("sh stats", "show stats"), ("sh statu", "show status"),
      ("sh r", "show relays"),
      ("sh e 0000000100000001", "show envelope <evpid>"),
      ("sh m 00000001", "show message <evpid>|<msgid>"),
      ("m", "monitor"), ("l b", "log brief"), ("l v", "log verbose"),
      ("d 00000001", "discover <evpid>|<msgid>"),
      ("p e all", "pause envelope <evpid>|<msgid>|all|<query>"),
      ("p md", "pause mda"), ("p mt", "pause mta"), ("p s", "pause smtp"), ("p m", ""),
      ("res s", "resume smtp"), ("rem 00000001", "remove <evpid>|<msgid>|all|<query>"),
      ("re all", ""), ("rea x all", "reassign <action> <evpid>|<msgid>|all|<query>"),
      ("q v", "queue verify"), ("q q l", "queue quarantine list"), ("s all", ""),
      ("sc all", "schedule <evpid>|<msgid>|all|<query>"),
      ("sc a", "schedule <evpid>|<msgid>|all|<query>"),
    ]
  )
  func prefixes(_ line: String, _ expected: String) {
    let found = try? CommandLineWordsTests.form(line)
    #expect((found ?? "") == expected)
  }

  @Test(
    "A word that nothing has is unknown",
    arguments: [
      ("frobnicate", "frobnicate", []), ("log loudly", "loudly", ["log brief", "log verbose"]),
      ("show envelope xyz", "xyz", ["show envelope <evpid>"]),
      ("show envelope 00000001", "00000001", ["show envelope <evpid>"]),
      ("show envelope 0000000000000001", "0000000000000001", ["show envelope <evpid>"]),
      ("show stats now", "now", []), ("monitor 1", "1", []),
      ("discover 00000000", "00000000", ["discover <evpid>|<msgid>"]),
      ("discover all", "all", ["discover <evpid>|<msgid>"]),
    ] as [(String, String, [String])]
  )
  func unknown(_ line: String, _ word: String, _ expected: [String]) {
    #expect(throws: CommandLineWords.Failure.unknown(word: word, expected: expected)) {
      try CommandLineWordsTests.form(line)
    }
  }

  @Test("Words that end too early list what may follow")
  func continuations() {
    #expect(
      throws: CommandLineWords.Failure.incomplete(continuations: ["log brief", "log verbose"])
    ) { try CommandLineWordsTests.form("log") }
    #expect(
      throws: CommandLineWords.Failure.incomplete(continuations: ["pause mda", "pause mta"])
    ) { try CommandLineWordsTests.form("pause m") }
    #expect(
      throws: CommandLineWords.Failure.incomplete(
        continuations: CommandTable.entries.map(\.help)
      )
    ) { try CommandLineWordsTests.form("") }
    #expect(
      throws: CommandLineWords.Failure.incomplete(
        continuations: ["remove <evpid>|<msgid>|all|<query>"]
      )
    ) { try CommandLineWordsTests.form("remove") }
  }

  @Test("An empty word is no beginning of anything")
  func emptyWord() {
    #expect(throws: CommandLineWords.Failure.unknown(word: "", expected: [])) {
      try CommandLineWords.match(["", "queue"], in: CommandTable.entries)
    }
  }

  @Test("Every whole form is found, so that no command hides another")
  func everyForm() throws {
    for entry in CommandTable.entries {
      let words = entry.pattern.map { pattern in
        switch pattern {
        case .keyword(let word): word
        case .envelopeID: "0000000100000001"
        case .messageID, .item: "00000001"
        case .text(let name), .words(let name): name
        case .selection, .optionalSelection: "all"
        }
      }
      let found = try CommandLineWords.match(words, in: CommandTable.entries)
      #expect(found.entry.help == entry.help)
    }
  }
}
