// SPDX-License-Identifier: ISC

/// What a regular expression says.
indirect enum PatternNode: Sendable {
  case empty
  case byte(UInt8)
  case set(ByteSet)
  /// A place of the text, and nothing of what stands there.
  case assertion(PatternAssertion)
  case sequence([PatternNode])
  case choice([PatternNode])
  /// `most` is nil where there is no bound.
  case repeated(PatternNode, least: Int, most: Int?)
}

/// Reads the grammar of POSIX extended regular expressions, with what glibc's regcomp adds to it: `\w`,
/// `\s`, `\b`, their kin, and `{,n}`.
struct PatternParser {
  private var rest: ArraySlice<UInt8>
  private let ignoresCase: Bool
  private var depth = 0

  /// When case does not count, upper case letters stand for lower case ones, which is what the text has.
  init(_ source: ArraySlice<UInt8>, ignoresCase: Bool) {
    rest = source
    self.ignoresCase = ignoresCase
  }

  mutating func parse() throws(Pattern.Fault) -> PatternNode {
    let node = try choice()
    precondition(rest.isEmpty, "a character that nothing took")
    return node
  }

  private mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: byte) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func choice() throws(Pattern.Fault) -> PatternNode {
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(Pattern.Fault) -> PatternNode {
    var nodes: [PatternNode] = []
    // One that closes nothing is a character, as in the C library.
    while let byte = rest.first, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") || depth == 0
    {
      var node = try atom()
      if case .assertion = node, let byte = rest.first, PatternParser.repeats(byte) {
        throw .nothingToRepeat(byte)
      }
      var stacked = 0
      while let repeated = try repetition(of: node) {
        stacked += 1
        guard stacked <= Pattern.Limits.stackedRepetitions else { throw .tooLarge }
        node = repeated
      }
      nodes.append(node)
    }
    return nodes.isEmpty ? .empty : .sequence(nodes)
  }

  private mutating func atom() throws(Pattern.Fault) -> PatternNode {
    guard let byte = rest.popFirst() else { return .empty }
    switch byte {
    case UInt8(ascii: "("):
      depth += 1
      guard depth <= Pattern.Limits.depth else { throw .tooLarge }
      let node = try choice()
      guard take(")") else { throw .parenthesis }
      depth -= 1
      return node
    case UInt8(ascii: "["):
      var bracket = BracketParser(rest, ignoresCase: ignoresCase)
      let set = try bracket.parse()
      rest = bracket.rest
      return .set(set)
    case UInt8(ascii: "."): return .set(ByteSet().inverted)
    case UInt8(ascii: "^"): return .assertion(.textStart)
    case UInt8(ascii: "$"): return .assertion(.textEnd)
    case _ where PatternParser.repeats(byte): throw .nothingToRepeat(byte)
    case UInt8(ascii: "\\"): return try escaped()
    default: return .byte(literal(byte))
    }
  }

  /// What stands behind a backslash.
  private mutating func escaped() throws(Pattern.Fault) -> PatternNode {
    guard let byte = rest.popFirst() else { throw .trailingBackslash }
    switch byte {
    case UInt8(ascii: "w"): return .set(ByteSet(where: ByteClass.isWord))
    case UInt8(ascii: "W"): return .set(ByteSet(where: ByteClass.isWord).inverted)
    case UInt8(ascii: "s"): return .set(ByteSet(where: ByteClass.isSpace))
    case UInt8(ascii: "S"): return .set(ByteSet(where: ByteClass.isSpace).inverted)
    case UInt8(ascii: "b"): return .assertion(.wordEdge)
    case UInt8(ascii: "B"): return .assertion(.noWordEdge)
    case UInt8(ascii: "<"): return .assertion(.wordStart)
    case UInt8(ascii: ">"): return .assertion(.wordEnd)
    case UInt8(ascii: "`"): return .assertion(.textStart)
    case UInt8(ascii: "'"): return .assertion(.textEnd)
    case UInt8(ascii: "1")...UInt8(ascii: "9"): throw .backReference
    // An operator who writes \d does not mean the letter.
    case _ where ByteClass.isAlphanumeric(byte): throw .unknownEscape(byte)
    default: return .byte(byte)
    }
  }

  private func literal(_ byte: UInt8) -> UInt8 { ignoresCase ? Pattern.lowercase(byte) : byte }

  private static func repeats(_ byte: UInt8) -> Bool { "*+?{".utf8.contains(byte) }

  private mutating func repetition(of node: PatternNode) throws(Pattern.Fault) -> PatternNode? {
    if take("*") { return .repeated(node, least: 0, most: nil) }
    if take("+") { return .repeated(node, least: 1, most: nil) }
    if take("?") { return .repeated(node, least: 0, most: 1) }
    guard take("{") else { return nil }
    let first = try count()
    var most = first
    if take(",") { most = try count() } else if first == nil { throw .repetition }
    let least = first ?? 0
    guard take("}"), least <= most ?? .max else { throw .repetition }
    return .repeated(node, least: least, most: most)
  }

  /// Nil where no number stands.
  private mutating func count() throws(Pattern.Fault) -> Int? {
    let digits = rest.prefix { ByteClass.isDigit($0) }
    guard !digits.isEmpty else { return nil }
    guard digits.count <= 3, let number = Int(String(decoding: digits, as: UTF8.self)),
      number <= Pattern.Limits.repetitions
    else { throw .tooLarge }
    rest = rest.dropFirst(digits.count)
    return number
  }
}
