// SPDX-License-Identifier: ISC

internal import Mail

/// The arguments that directives are made of.
extension Parser {
  /// The next token's text if it is a string, or a word that is not reserved.
  mutating func string(_ what: String) throws(SyntaxFault) -> (String, SourcePosition) {
    let token = try peek()
    if let text = token.stringValue {
      try next()
      return (text, token.position)
    }
    switch token.kind {
    case .word, .number:
      throw SyntaxFault(
        complaint: .needsQuotes(token.description, expected: what),
        position: token.position
      )
    case .string, .symbol, .arrow, .newline, .end:
      throw unexpected(token, [what])
    }
  }

  mutating func number(
    _ what: String,
    in range: ClosedRange<Int64>
  ) throws(SyntaxFault) -> Int {
    let token = try peek()
    guard case .number(let value) = token.kind else {
      throw unexpected(token, ["a number for \(what)"])
    }
    guard range.contains(value) else {
      throw SyntaxFault(complaint: .outOfRange(what, value, range), position: token.position)
    }
    try next()
    return Int(value)
  }

  /// A positive whole number with exactly one unit, at most `Int32.max` seconds.
  mutating func duration() throws(SyntaxFault) -> Duration {
    let token = try peek()
    let text: String
    switch token.kind {
    case .word(let word), .string(let word): text = word
    case .number(let value): text = String(value)
    case .symbol, .arrow, .newline, .end: throw unexpected(token, ["a duration"])
    }
    guard let duration = Duration(configuration: text) else {
      throw SyntaxFault(complaint: .duration(text), position: token.position)
    }
    try next()
    return duration
  }

  /// A number of bytes, perhaps with a unit.
  mutating func size() throws(SyntaxFault) -> Int {
    let token = try peek()
    let text: String
    switch token.kind {
    case .word(let word), .string(let word): text = word
    case .number(let value): text = String(value)
    case .symbol, .arrow, .newline, .end: throw unexpected(token, ["a size"])
    }
    guard let size = ByteSize.parse(text), size > 0 else {
      throw SyntaxFault(complaint: .size(text), position: token.position)
    }
    try next()
    return size
  }

  /// A host name or an address.
  mutating func hostName(_ what: String) throws(SyntaxFault) -> String {
    let (name, position) = try string(what)
    let isAddress = name.first == "[" && name.last == "]"
    guard HostName.isValid(name) || isAddress && NetworkBlock(parsing: name) != nil else {
      throw SyntaxFault(complaint: .hostName(name), position: position)
    }
    return name
  }

  /// Whether the next token is this word, which is then gone.
  mutating func accept(_ word: String) throws(SyntaxFault) -> Bool {
    guard try peek().isWord(word) else { return false }
    try next()
    return true
  }

  /// Whether the next token is this symbol, which is then gone.
  mutating func accept(symbol: Unicode.Scalar) throws(SyntaxFault) -> Bool {
    guard try peek().isSymbol(symbol) else { return false }
    try next()
    return true
  }

  mutating func expect(symbol: Unicode.Scalar) throws(SyntaxFault) {
    guard try accept(symbol: symbol) else { throw unexpected(try peek(), ["\"\(symbol)\""]) }
  }

  /// The next of a directive's options; nil at the end of the statement.
  mutating func option(
    of directive: String,
    among known: [String],
    unsupported: [String] = []
  ) throws(SyntaxFault) -> (String, SourcePosition)? {
    let token = try peek()
    if token.isEndOfStatement { return nil }
    return try choice(of: directive, among: known, unsupported: unsupported)
  }

  /// The next token, which has to be one of these words.
  mutating func choice(
    of directive: String,
    among known: [String],
    unsupported: [String] = []
  ) throws(SyntaxFault) -> (String, SourcePosition) {
    let token = try peek()
    guard case .word(let word) = token.kind else { throw unexpected(token, known) }
    if unsupported.contains(word) {
      throw SyntaxFault(
        complaint: .unsupported("\"\(directive) \(word)\""),
        position: token.position
      )
    }
    guard known.contains(word) else { throw unexpected(token, known, also: unsupported) }
    try next()
    return (word, token.position)
  }

  mutating func endOfStatement(_ expected: [String] = []) throws(SyntaxFault) {
    let token = try peek()
    guard token.isEndOfStatement else {
      throw unexpected(token, expected + ["end of line"])
    }
    if token.kind == .newline { try next() }
    hasEndedStatement = true
  }

  /// A token that does not belong here; the known word that is most like it is suggested.
  func unexpected(_ token: Token, _ expected: [String], also: [String] = []) -> SyntaxFault {
    var nearest: String?
    if case .word(let word) = token.kind {
      nearest = Spelling.nearest(to: word, in: expected + also)
    }
    return SyntaxFault(
      complaint: .unexpected(found: token.description, expected: expected, nearest: nearest),
      position: token.position
    )
  }
}
