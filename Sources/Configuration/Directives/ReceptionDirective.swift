// SPDX-License-Identifier: ISC

/// `smtp limit …`, `smtp max-message-size SIZE`, `smtp sub-addr-delim CHARACTER`, `smtp ciphers
/// CIPHERS`.
extension Parser {
  mutating func parseReception() throws(SyntaxFault) {
    let known = ["ciphers", "limit", "max-message-size", "sub-addr-delim"]
    let (word, position) = try choice(of: "smtp", among: known)
    switch word {
    case "limit":
      return try parseReceptionLimits()
    case "ciphers":
      use(.defaultCiphers, at: position)
      draft.ciphers = try ciphers(.server)
    case "max-message-size":
      draft.reception.messageSizeMax = try size()
    default:
      draft.subaddressDelimiter = try delimiter()
    }
    try endOfStatement()
  }

  private mutating func parseReceptionLimits() throws(SyntaxFault) {
    let keys = ReceptionLimits.Key.allCases.map(\.rawValue)
    try parseLimits(of: "smtp limit", among: keys + ["timeout"]) {
      parser,
      word,
      position throws(SyntaxFault) in
      guard let key = ReceptionLimits.Key(rawValue: word) else {
        parser.draft.reception.timeout = try parser.duration()
        return
      }
      parser.draft.reception[keyPath: key.path] = try parser.number(word, in: key.range)
    }
  }

  private mutating func delimiter() throws(SyntaxFault) -> UInt8 {
    let token = try peek()
    let text: String
    switch token.kind {
    case .word(let word), .string(let word): text = word
    case .symbol(let byte): text = String(Unicode.Scalar(byte))
    case .number(let number): text = String(number)
    case .arrow, .newline, .end: throw unexpected(token, ["a character"])
    }
    guard text.utf8.count == 1, let byte = text.utf8.first, 0x21...0x7e ~= byte,
      byte != UInt8(ascii: "@")
    else {
      throw SyntaxFault(complaint: .delimiter(text), position: token.position)
    }
    try next()
    return byte
  }
}

extension ReceptionLimits.Key {
  /// What may be written; lines are never shorter than RFC 5321 promises.
  fileprivate var range: ClosedRange<Int64> {
    switch self {
    case .mailsMax, .recipientsMax, .errorsMax: 1...1_000_000
    case .sessionsMax, .clientSessionsMax: 1...100_000
    case .commandLineMax: 1024...65_535
    case .lineMax: 1000...16_777_216
    }
  }
}
