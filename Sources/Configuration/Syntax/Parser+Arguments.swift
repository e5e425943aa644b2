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
    case .symbol(let byte) where Parser.beginsText(byte):
      throw SyntaxFault(
        complaint: .unquoted(Character(Unicode.Scalar(byte)), expected: what),
        position: token.position
      )
    case .string, .symbol, .arrow, .newline, .end:
      throw unexpected(token, [what])
    }
  }

  /// Whether a character that begins no word begins a text all the same, whose quotes were forgotten.
  static func beginsText(_ byte: UInt8) -> Bool { "/~*@.%&[?^".utf8.contains(byte) }

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
    guard try peek().isWord(word) else {
      passedOver.append(word)
      return false
    }
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

  /// A string that is not empty.
  mutating func filled(_ what: String) throws(SyntaxFault) -> String { try name(what).0 }

  /// A string that is not empty, and its place.
  mutating func name(_ what: String) throws(SyntaxFault) -> (String, SourcePosition) {
    let (text, position) = try string(what)
    guard !text.isEmpty else { throw SyntaxFault(complaint: .empty(what), position: position) }
    return (text, position)
  }

  /// A name that the user database can be asked for.
  mutating func userName() throws(SyntaxFault) -> String {
    let (name, position) = try string("a user")
    guard UserName.isAcceptable(name) else {
      throw SyntaxFault(complaint: .userName(name), position: position)
    }
    return name
  }

  mutating func groupName() throws(SyntaxFault) -> String {
    let (name, position) = try string("a group")
    guard UserName.isAcceptable(name) else {
      throw SyntaxFault(complaint: .groupName(name), position: position)
    }
    return name
  }

  mutating func absolutePath(_ what: String) throws(SyntaxFault) -> (String, SourcePosition) {
    let (path, position) = try string(what)
    guard path.hasPrefix("/") else {
      throw SyntaxFault(complaint: .path(path), position: position)
    }
    return (path, position)
  }

  /// Reads a directive's options to the end of the statement, and says where each stood.
  ///
  /// Each may be given once but those that are `repeatable`; those of a group exclude each other.
  mutating func parseOptions(
    of directive: String,
    among known: [String],
    exclusive: [[String]] = [],
    repeatable: Set<String> = [],
    read: (inout Parser, String, SourcePosition) throws(SyntaxFault) -> Void
  ) throws(SyntaxFault) -> [String: SourcePosition] {
    var places: [String: SourcePosition] = [:]
    while try !peek().isEndOfStatement {
      let (word, position) = try choice(of: directive, among: known)
      guard places[word] == nil || repeatable.contains(word) else {
        throw SyntaxFault(complaint: .repeated(word), position: position)
      }
      if places[word] == nil { places[word] = position }
      for group in exclusive where group.contains(word) {
        guard let other = group.first(where: { $0 != word && places[$0] != nil }) else { continue }
        let isFirst = group.firstIndex(of: word) ?? 0 < group.firstIndex(of: other) ?? 0
        throw SyntaxFault(
          complaint: isFirst ? .exclusive(word, other) : .exclusive(other, word),
          position: position
        )
      }
      try read(&self, word, position)
    }
    return places
  }

  /// The next token, which has to be one of these words.
  mutating func choice(
    of directive: String,
    among known: [String]
  ) throws(SyntaxFault) -> (String, SourcePosition) {
    let token = try peek()
    guard case .word(let word) = token.kind, known.contains(word) else {
      throw unexpected(token, known)
    }
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
  func unexpected(_ token: Token, _ expected: [String]) -> SyntaxFault {
    let expected = passedOver + expected
    var nearest: String?
    if case .word(let word) = token.kind {
      nearest = Spelling.nearest(to: word, in: expected)
    }
    return SyntaxFault(
      complaint: .unexpected(found: token.description, expected: expected, nearest: nearest),
      position: token.position
    )
  }
}
