// SPDX-License-Identifier: ISC

import Testing

@testable import Configuration

@Suite struct DiagnosticTests {
  @Test("what is refused is shown with its place", arguments: DiagnosticSnapshot.all)
  func snapshot(_ snapshot: DiagnosticSnapshot) {
    #expect(DiagnosticSnapshot.shown(snapshot.snippet) == snapshot.expected)
  }

  @Test("the snapshots are many, and each is another mistake")
  func variety() {
    let snippets = Set(DiagnosticSnapshot.all.map(\.snippet))
    #expect(snippets.count == DiagnosticSnapshot.all.count)
    #expect(snippets.count >= 200)
  }

  @Test("all mistakes of a file and of what it includes are shown in one run")
  func everything() {
    let report = Reading.report(
      """
      lisen on lo
      table t {
        a b
        c
      }
      queue ttl 4
      include "/other"
      match from any for any action "x"
      table u { a,
      queue ttl 5
      """,
      files: ["/other": "smtp limit\nqueue backend nosuch\n"]
    )
    #expect(report.configuration == nil)
    #expect(
      report.errors.map { "\($0.path):\($0.line)" } == [
        "t.conf:1", "t.conf:3", "t.conf:6", "/other:1", "/other:2", "t.conf:8", "t.conf:10",
      ]
    )
  }

  @Test(
    "a declaration that is wrong is one mistake, wherever its name is used",
    arguments: [
      "action a maildir junk nonsense\nmatch from any action a\nmatch for any action a",
      "action a relay host { \"smtp://x\" = }\nmatch from any action a",
      "table t { a = }\nmatch from src <t> reject\naction a relay host <t>\nmatch action a",
      "table t nowhere\naction a maildir alias <t>\nlisten on lo tls pki x auth <t>\nmatch action a",
      "filter f phase conect\nlisten on lo filter f\nfilter g chain { f }\nmatch reject",
      "proc p\nfilter f proc p\nlisten on lo filter f\nmatch reject",
      "filter f proc absent\nlisten on lo filter { f }\nmatch reject",
      "mda wrapper w \"%{nobody}\"\naction a maildir wrapper w\nmatch action a",
      "ca c cret \"/c\"\naction a relay ca c\nmatch action a",
      "m = { a }\nlisten on $m\naction a maildir $m\nmatch action a",
      "include \"/absent\"", "mtach from any reject", "match from any action",
    ]
  )
  func oneMistake(_ text: String) {
    let report = Reading.report("pki x cert \"/c\"\npki x key \"/k\"\n\(text)\n")
    #expect(report.configuration == nil)
    #expect(report.errors.map(\.line) == [3], "\(report.errors.map(\.description))")
  }

  @Test("an unclosed brace does not hide the mistakes behind it")
  func unclosedBrace() {
    let report = Reading.report("table t { a b\nqueue ttl 4\nmatch for any reject\n")
    #expect(report.errors.map(\.line) == [1, 2])
  }

  @Test("a file without rules has nothing to do")
  func noRules() {
    #expect(Reading.report("queue ttl 1d\n").errors.map(\.complaint) == [.noRules])
    #expect(Reading.report("").errors.map(\.complaint) == [.noRules])
    #expect(Reading.report("match nonsense\n").errors.count == 1)
  }

  @Test("a file that cannot be read is one error")
  func unreadable() {
    let report = ConfigurationReport(reading: "/x", facts: Reading.facts) {
      _ throws(UnreadableFile) in
      throw UnreadableFile(reason: "Permission denied")
    }
    #expect(
      report.diagnostics.map(\.description) == ["/x:1: cannot read /x: Permission denied"]
    )
  }

  @Test("files that include each other end")
  func endlessInclude() {
    let report = Reading.report(
      "include \"/a\"\nmatch for any reject\n",
      files: ["/a": "include \"/a\"\n"]
    )
    #expect(
      report.errors.map(\.complaint) == [.includedTooDeep(limit: Parser.Limits.includes)]
    )
  }

  @Test("so many mistakes are shown, and no more")
  func limit() {
    let report = Reading.report(String(repeating: "x\n", count: Parser.Limits.diagnostics * 2))
    #expect(report.errors.count { $0.complaint != .noRules } == Parser.Limits.diagnostics)
  }

  @Test("control characters and long lines are shown harmlessly")
  func hostileLine() {
    var bytes = Array("x \u{1b}[31m \u{9b}".utf8) + [0xff]
    bytes += Array(repeating: UInt8(ascii: "y"), count: 5000)
    let quoted = Array("match from \"a\u{1b}b\t\u{9b}\(String(repeating: "z", count: 5000))\"".utf8)
    for text in [bytes, quoted].flatMap({ Reading.report($0).errors.map(\.description) }) {
      #expect(
        text.unicodeScalars.allSatisfy {
          $0.value >= 0x20 && $0 != "\u{9b}" || $0 == "\n" || $0 == "\t"
        }
      )
      #expect(text.count < 1000)
    }
    let far = String(repeating: " ", count: 5000) + "nonsense"
    #expect(Reading.report(far).errors.first?.description.contains("nonsense") == true)
  }

  @Test("bytes in disorder are refused, never a crash")
  func disorder() {
    let source = Array(
      "a = \"x\"\ntable t { \"a\" = 'b', c => d }\nmatch from src <t> for ! any action $a # x\\\n\n"
        .utf8
    )
    var seed: UInt64 = 42
    for _ in 0..<2000 {
      var bytes = source
      for _ in 0..<4 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[Int(seed >> 33) % bytes.count] = UInt8(truncatingIfNeeded: seed >> 50)
      }
      _ = Reading.report(bytes).diagnostics.map(\.description)
    }
  }
}
