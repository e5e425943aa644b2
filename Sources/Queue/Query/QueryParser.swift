// SPDX-License-Identifier: ISC

extension Query {
  /// Reads a query from the words of a command line.
  ///
  ///     query   = part *( "or" part )
  ///     part    = 1*( ["and"] factor )
  ///     factor  = ( "not" / "!" ) factor / "(" query ")" / "all" / identifiers / test
  package init(
    parsing words: [String],
    limits: Limits = Limits()
  ) throws(QueryError) {
    var parser = QueryParser(words: words, limits: limits)
    root = try parser.parse()
  }
}

/// A recursive descent over the words; its depth is bounded.
struct QueryParser {
  private let words: [String]
  private let limits: Query.Limits
  private var position = 0
  /// Bytes of the word at `position` that are read already: exclamation marks.
  private var offset = 0
  private var depth = 0

  init(words: [String], limits: Query.Limits) {
    self.words = words
    self.limits = limits
  }

  private static let factor =
    "an identifier, FIELD=VALUE, \"not\", \"(\" or \"all\""

  mutating func parse() throws(QueryError) -> Query.Node {
    guard !words.isEmpty else { throw error(.empty, QueryParser.factor) }
    guard words.count <= limits.words else {
      position = limits.words
      throw error(.tooManyWords, "at most \(limits.words)")
    }
    if let long = words.firstIndex(where: { $0.utf8.count > limits.word }) {
      position = long
      throw error(.tooLong, "at most \(limits.word) bytes in a word")
    }
    let node = try query()
    guard position == words.count else {
      throw error(.unexpectedParenthesis, "the end of the query")
    }
    return node
  }

  private var word: Substring? {
    position < words.count ? words[position].dropFirst(offset) : nil
  }

  private mutating func advance() {
    position += 1
    offset = 0
  }

  private func error(
    _ problem: QueryError.Problem,
    _ expected: String,
    at offset: Int = 0
  ) -> QueryError {
    QueryError(
      problem: problem,
      word: position,
      offset: self.offset + offset,
      found: position < words.count ? words[position] : "",
      expected: expected
    )
  }

  private mutating func query() throws(QueryError) -> Query.Node {
    var parts = [try part()]
    while word == "or" {
      advance()
      parts.append(try part())
    }
    return parts.count == 1 ? parts[0] : .or(parts)
  }

  private mutating func part() throws(QueryError) -> Query.Node {
    var factors = [try factor()]
    while let next = word, next != "or", next != ")" {
      if next == "and" { advance() }
      factors.append(try factor())
    }
    return factors.count == 1 ? factors[0] : .and(factors)
  }

  private mutating func factor() throws(QueryError) -> Query.Node {
    depth += 1
    defer { depth -= 1 }
    guard depth <= limits.depth else { throw error(.tooDeep, "at most \(limits.depth) levels") }
    guard let next = word else { throw error(.missingOperand, QueryParser.factor) }
    switch next {
    case "not", "!":
      advance()
      return .not(try factor())
    case "(": return try parenthesis()
    case ")": throw error(.unexpectedParenthesis, QueryParser.factor)
    case "or", "and", "": throw error(.missingOperand, QueryParser.factor)
    case "all":
      advance()
      return .test(.everything)
    default: break
    }
    if next.hasPrefix("!") {
      offset += 1
      return .not(try factor())
    }
    if let alternatives = identifiers() { return alternatives }
    return try test(next)
  }

  private mutating func parenthesis() throws(QueryError) -> Query.Node {
    advance()
    let inner = try query()
    guard word == ")" else { throw error(.unclosedParenthesis, "\")\"") }
    advance()
    return inner
  }

  /// Identifiers next to each other are alternatives: nothing could be two envelopes at once.
  private mutating func identifiers() -> Query.Node? {
    var alternatives: [Query.Node] = []
    while let next = word, let test = QueryValue.identifier(next) {
      alternatives.append(.test(test))
      advance()
    }
    return alternatives.count > 1 ? .or(alternatives) : alternatives.first
  }

  private mutating func test(_ word: Substring) throws(QueryError) -> Query.Node {
    guard let end = word.firstIndex(where: { "=!<>~".contains($0) }) else {
      throw error(.unknownWord, QueryParser.factor)
    }
    guard let field = QueryField(rawValue: word[..<end].lowercased()) else {
      throw error(.unknownField, "one of \(QueryField.list)")
    }
    let rest = word[end...]
    let offset = word[..<end].utf8.count
    guard let sign = QueryField.signs.first(where: { rest.hasPrefix($0) }),
      field.signs.contains(sign)
    else {
      throw error(.operatorNotAllowed, field.signs.joined(separator: ", "), at: offset)
    }
    let value = rest.dropFirst(sign.count)
    guard let test = field.test(sign, value) else {
      throw error(.badValue, field.expectation, at: offset + sign.utf8.count)
    }
    advance()
    return sign == "!=" || sign == "!~" ? .not(.test(test)) : .test(test)
  }
}
