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
    let all = try Makemap(["-Uo/x.db", "-t", "set", "-dbtree", "-b", "x", "-C", "f", "--", "-odd"])
    #expect(all.dumps && all.output == "/x.db" && all.kind == .set && all.input == "-odd")
    #expect(try Makemap(["-b", "x", "hh"]).input == "hh")
    #expect(try Makemap(["-bi"]).makesAliases && !Makemap(["-bx", "hh"]).makesAliases)
    let sendmail = try Makemap(["hash", "/etc/mail/access"])
    #expect(sendmail.input == "-" && sendmail.output == "/etc/mail/access.db")
    #expect(try Makemap(["btree", "/etc/mail/access.db"]).output == "/etc/mail/access.db")
  }

  @Test(
    "What is no such command is refused",
    arguments: [
      [], ["a", "b"], ["-x", "a"], ["-o"], ["-"], ["-d", "recno", "a"], ["-t", "map", "a"],
      ["-b"], ["-b", "x"], ["-bi", "a"],
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
    "A text says the same as to OpenSMTPD's makemap, and goes on behind a blank",
    arguments: [
      ("root: alice   # the admin\n", .aliases, ["root": "alice"]),
      ("#x\n  # y\na: b #c\\\nd: e\n", .plain, ["a": "b", "d": "e"]),
      ("a: b \\# c\\\\\t# d\n", .plain, ["a": "b # c\\\\"]),
      ("relay joe:pa#ss\\#\nb: c\\\n# d\n", .plain, ["relay": "joe:pa#ss#", "b": "c"]),
      ("a: x,\n  joe@[IPv6:2001:db8::1]\n", .aliases, ["a": "x, joe@[IPv6:2001:db8::1]"]),
      ("bob: carol, \\\ndave\njim: x\\\r\ny\r\n", .aliases, ["bob": "carol, dave", "jim": "xy"]),
      ("a: x\n  b: y\n\tc z\n", .aliases, ["a": "x", "b": "y", "c": "z"]),
      ("  a: x\n", .aliases, ["a": "x"]),
      (
        "a: x,\n  y, # why\n  # all\n  z, v\n  , \"|p q: r\",\n  u , w\n", .aliases,
        ["a": "x, y, z, v , \"|p q: r\", u , w"]
      ),
      ("a: x,\n  :include:/l,\n  error:550 no\n", .plain, ["a": "x, :include:/l, error:550 no"]),
      ("a: x,\n  \"|p a\",\n  |q b\n", .plain, ["a": "x, \"|p a\", |q b"]),
      ("a@x  # c\n  b@x\n#\n", .set, ["a@x": "", "b@x": ""]), ("a: b\\", .plain, ["a": "b"]),
    ] as [(String, MapFile.Kind, [String: String])]
  )
  func lines(_ text: String, _ kind: MapFile.Kind, _ expected: [String: String]) {
    let found = MapText(parsing: Array(text.utf8), as: kind)
    #expect(found.faults == [])
    #expect(Dictionary(uniqueKeysWithValues: found.entries.map { ($0.key, $0.value) }) == expected)
  }

  @Test("A command that a comment has cut says what to write")
  func comment() {
    let text = MapText(parsing: Array("x: y\njoe: \"|p #joe\"\n".utf8), as: .aliases)
    let reason = "joe: a quote is not closed; what stands behind # is a comment, \\# is none"
    #expect(text.faults.map(\.line) == [2] && text.faults.map(\.text) == [reason])
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
