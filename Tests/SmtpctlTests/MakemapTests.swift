// SPDX-License-Identifier: ISC

import Policy
import Testing

@testable import smtpctl

@Suite("makemap's arguments, and the text that it reads")
struct MakemapTests {
  @Test("The forms of the command line")
  func arguments() throws {
    let plain = try Makemap(["/etc/aliases"])
    #expect(plain.input == "/etc/aliases" && plain.output == nil && plain.kind == .plain)
    let all = try Makemap(["-Uo/x.db", "-t", "set", "-dbtree", "-b", "-C", "f", "--", "-odd"])
    #expect(all.dumps && all.output == "/x.db" && all.kind == .set && all.input == "-odd")
    let sendmail = try Makemap(["hash", "/etc/mail/access"])
    #expect(sendmail.input == "-" && sendmail.output == "/etc/mail/access.db")
  }

  @Test(
    "What is no such command is refused",
    arguments: [
      [], ["a", "b"], ["-x", "a"], ["-o"], ["-"], ["-d", "recno", "a"], ["-t", "map", "a"],
    ]
  )
  func refused(_ arguments: [String]) {
    #expect(throws: Makemap.Failure.self) { try Makemap(arguments) }
  }

  @Test("what is wrong is told in the name of the program that was called")
  func programs() {
    let failure = #expect(throws: Makemap.Failure.self) { try MapFiles.read("/nonsuch/file") }
    #expect(
      failure?.text(of: "newaliases") == "newaliases: /nonsuch/file: No such file or directory"
    )
    let misuse = #expect(throws: Makemap.Failure.self) { try Makemap(["-"]) }
    #expect(
      misuse?.text(of: "makemap")
        == "makemap: with standard input, -o is needed\n\(Makemap.usage)"
    )
    let nothing = #expect(throws: Makemap.Failure.self) { try Makemap([]) }
    #expect(nothing?.text(of: "makemap") == Makemap.usage)
  }

  @Test("Every name but its own makes the program another one")
  func names() {
    #expect(Personality.named("/usr/sbin/newaliases")?.name == "newaliases")
    #expect(Personality.named("mailq")?.name == "mailq")
    #expect(Personality.named("/usr/sbin/smtpctl") == nil)
    #expect(Personality.named("") == nil)
  }

  @Test("A set of regular expressions keeps the letters behind backslashes")
  func expressions() {
    let text = MapText(parsing: Array("^\\S+\\.Example$\n\\\\Wide\n".utf8), as: .set)
    #expect(text.faults == [])
    #expect(Set(text.entries.map(\.key)) == ["^\\S+\\.example$", "\\\\wide"])
  }

  @Test("Keys are lower case, values are checked, and lines go on")
  func text() {
    let text = MapText(
      parsing: Array("# x\nB: joe\nA joe,\n  jim\n\n[::1] \"|x\"\n".utf8),
      as: .aliases
    )
    #expect(text.faults == [])
    #expect(text.entries.map(\.key) == ["[::1]", "a", "b"])
    #expect(text.entries.map(\.value) == ["\"|x\"", "joe, jim", "joe"])
    let plain = MapText(
      parsing: Array("a.example smtp://x:25\n[::1]: mx one\n".utf8),
      as: .plain
    )
    #expect(plain.faults == [])
    #expect(plain.entries.map(\.value) == ["mx one", "smtp://x:25"])
    let set = MapText(parsing: Array("B\na:b\n".utf8), as: .set)
    #expect(set.entries.map(\.key) == ["a:b", "b"])
  }

  @Test(
    "Each mistake is told with its line",
    arguments: [
      ("a: b\nA: c\n", [2]), ("a\nb:\nc: d\n", [1, 2]), ("a: b c\n", [1]), ("a: \"b\n", [1]),
      (String(repeating: "k", count: 512) + " v", [1]),
    ] as [(String, [Int])]
  )
  func mistakes(_ text: String, _ lines: [Int]) {
    #expect(MapText(parsing: Array(text.utf8), as: .aliases).faults.map(\.line) == lines)
  }
}
