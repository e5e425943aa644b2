// SPDX-License-Identifier: ISC

@testable import Configuration

/// A snippet that is refused, and what the operator is shown of it.
struct DiagnosticSnapshot: CustomStringConvertible {
  let snippet: String
  let expected: String

  var description: String { snippet }

  static let all: [DiagnosticSnapshot] = [
    settings, declarations, rules, certificates, criteria, filters, limits, listeners, local,
    relays, syntax, tables,
  ].flatMap(\.self)

  /// Snippets behind `>>> `, with `\n`, `\r` and `\t` for what they are in Swift; below each what is
  /// shown.
  static func list(_ text: String) -> [DiagnosticSnapshot] {
    text.split(separator: ">>> ").map { part in
      let lines = part.split(separator: "\n", maxSplits: 1)
      var expected = lines.count > 1 ? lines[1] : ""
      while expected.last == "\n" { expected.removeLast() }
      return DiagnosticSnapshot(snippet: String(lines[0]), expected: String(expected))
    }
  }

  /// What is shown of `snippet` and a rule behind it.
  static func shown(_ snippet: String) -> String {
    let text = snippet.replacing("\\n", with: "\n").replacing("\\r", with: "\r")
      .replacing("\\t", with: "\t")
    return Reading.complaints(
      text,
      files: [
        "/net": "2001:db8::/32\n10.0.0.0/8\n", "/net6": "2001:db8::/32\nfe80::1\n",
        "/bad": "a b\nc\n", "/re": "# @list\n(unclosed\n",
        "/hosts": "# @list\n\nGopher://b\nsmtp://c\n", "/names": "192.0.2.2 mx\n192.0.2.1: -b\n",
      ]
    )
  }
}
