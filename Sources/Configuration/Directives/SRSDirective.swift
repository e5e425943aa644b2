// SPDX-License-Identifier: ISC

internal import Mail

/// `srs key SECRET`, `srs key backup SECRET`, `srs ttl DURATION`, `admd TEXT`.
extension Parser {
  private static var secondsOfDay: Int64 { 86_400 }

  mutating func parseSRS(at place: SourcePosition) throws(SyntaxFault) {
    let (word, _) = try choice(of: "srs", among: ["key", "ttl"])
    use(.srs, by: "srs \(word)", at: place)
    if word == "key" {
      if try accept("backup") {
        draft.srs.backupKey = try filled("a secret")
      } else {
        draft.srs.key = try filled("a secret")
      }
      return try endOfStatement()
    }
    let token = try peek()
    let seconds = try duration().wholeSeconds
    guard seconds >= Parser.secondsOfDay else {
      throw SyntaxFault(complaint: .days(token.text), position: token.position)
    }
    draft.srs.days = Int(seconds / Parser.secondsOfDay)
    try endOfStatement()
  }

  mutating func parseAdministrativeDomain() throws(SyntaxFault) {
    let (text, position) = try string("a domain")
    guard !text.isEmpty else {
      throw SyntaxFault(complaint: .empty("admd"), position: position)
    }
    guard text.utf8.allSatisfy({ 0x20...0x7e ~= $0 }) else {
      throw SyntaxFault(complaint: .text("admd"), position: position)
    }
    try endOfStatement()
    draft.administrativeDomain = text
  }
}

extension Token {
  /// As it was written, but for quotes.
  fileprivate var text: String {
    switch kind {
    case .word(let text), .string(let text): text
    case .number(let number): String(number)
    case .symbol, .arrow, .newline, .end: ""
    }
  }
}
