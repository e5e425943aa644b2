// SPDX-License-Identifier: ISC

import Mail
import Testing

@Suite("Visible text")
struct VisibleTextTests {
  /// What it is, how a reader sees it, and how a program does.
  private static let texts: [(text: String, read: String, exact: String)] = [
    ("", "", ""),
    ("/etc/ssl/a.key", "/etc/ssl/a.key", "/etc/ssl/a.key"),
    ("grün ✉ \u{a0}", "grün ✉ \u{a0}", "grün ✉ \u{a0}"),
    ("\u{1b}[2J\r\n\t\0\u{7f}", #"\^[[2J\^M\^J\^I\^@\^?"#, #"\^[[2J\^M\^J\^I\^@\^?"#),
    ("\u{9b}2J\u{80}\u{9f}", #"\M-B\M^[2J\M-B\M^@\M-B\M^_"#, #"\M-B\M^[2J\M-B\M^@\M-B\M^_"#),
    (#"a\b"#, #"a\b"#, #"a\\b"#),
    ("a\\\u{7}", #"a\\^G"#, #"a\\\^G"#),
  ]

  @Test("what a terminal would obey is shown, and the rest stays", arguments: texts)
  func shown(text: String, read: String, exact: String) {
    #expect(text.visible() == read)
    var bytes = Array("> ".utf8)
    bytes.append(visible: text)
    #expect(String(decoding: bytes, as: UTF8.self) == "> " + exact)
  }

  @Test("no control character passes, of which a terminal may see one byte or two")
  func all() {
    for value in UInt8.min...UInt8.max {
      for text in [String(Unicode.Scalar(value)), String(decoding: [value], as: UTF8.self)] {
        let isPassed = text.visible().unicodeScalars.contains {
          $0.value < 0x20 || 0x7f..<0xa0 ~= $0.value
        }
        #expect(!isPassed, "\(value)")
      }
    }
  }

  @Test("what is kept stays as it is")
  func kept() {
    #expect("a\tb\nc\u{1b}".visible(keeping: "\n\t") == "a\tb\nc" + #"\^["#)
    #expect("a\tb\nc".visible(keeping: "\t") == "a\tb" + #"\^Jc"#)
  }
}
