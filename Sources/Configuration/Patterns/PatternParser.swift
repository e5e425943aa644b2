// SPDX-License-Identifier: ISC

/// What a regular expression says.
indirect enum PatternNode: Sendable {
  case empty
  case byte(UInt8)
  case set(ByteSet)
  case start
  case end
  case sequence([PatternNode])
  case choice([PatternNode])
  /// `most` is nil where there is no bound.
  case repeated(PatternNode, least: Int, most: Int?)
}

/// Reads the grammar of POSIX extended regular expressions.
struct PatternParser {
  private var rest: ArraySlice<UInt8>
  private let ignoresCase: Bool
  private var depth = 0

  /// When case does not count, `source` has no upper case letters, and neither has the text.
  init(_ source: ArraySlice<UInt8>, ignoresCase: Bool) {
    rest = source
    self.ignoresCase = ignoresCase
  }

  mutating func parse() throws(Pattern.Fault) -> PatternNode {
    let node = try choice()
    guard rest.isEmpty else { throw Pattern.Fault() }
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
    while let byte = rest.first, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
      var node = try atom()
      var stacked = 0
      while let repeated = try repetition(of: node) {
        stacked += 1
        guard stacked <= Pattern.Limits.stackedRepetitions else { throw Pattern.Fault() }
        node = repeated
      }
      nodes.append(node)
    }
    return nodes.isEmpty ? .empty : .sequence(nodes)
  }

  private mutating func atom() throws(Pattern.Fault) -> PatternNode {
    guard let byte = rest.popFirst() else { throw Pattern.Fault() }
    switch byte {
    case UInt8(ascii: "("):
      depth += 1
      guard depth <= Pattern.Limits.depth else { throw Pattern.Fault() }
      let node = try choice()
      guard take(")") else { throw Pattern.Fault() }
      depth -= 1
      return node
    case UInt8(ascii: "["): return .set(try bracket())
    case UInt8(ascii: "."): return .set(ByteSet().inverted)
    case UInt8(ascii: "^"): return .start
    case UInt8(ascii: "$"): return .end
    case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
      throw Pattern.Fault()
    case UInt8(ascii: "\\"):
      guard let escaped = rest.popFirst(), !PatternParser.isAlphanumeric(escaped) else {
        throw Pattern.Fault()
      }
      return .byte(escaped)
    default:
      return .byte(byte)
    }
  }

  private mutating func repetition(of node: PatternNode) throws(Pattern.Fault) -> PatternNode? {
    if take("*") { return .repeated(node, least: 0, most: nil) }
    if take("+") { return .repeated(node, least: 1, most: nil) }
    if take("?") { return .repeated(node, least: 0, most: 1) }
    guard take("{") else { return nil }
    let least = try count()
    var most: Int? = least
    if take(",") { most = rest.first == UInt8(ascii: "}") ? nil : try count() }
    guard take("}"), least <= most ?? .max else { throw Pattern.Fault() }
    return .repeated(node, least: least, most: most)
  }

  private mutating func count() throws(Pattern.Fault) -> Int {
    let digits = rest.prefix { 0x30...0x39 ~= $0 }
    guard 1...3 ~= digits.count, let number = Int(String(decoding: digits, as: UTF8.self)),
      number <= Pattern.Limits.repetitions
    else { throw Pattern.Fault() }
    rest = rest.dropFirst(digits.count)
    return number
  }

  /// A bracket expression, of which `[` is gone.
  private mutating func bracket() throws(Pattern.Fault) -> ByteSet {
    let isInverted = take("^")
    var set = ByteSet()
    var isFirst = true
    while true {
      guard let byte = rest.popFirst() else { throw Pattern.Fault() }
      if byte == UInt8(ascii: "]"), !isFirst { return isInverted ? set.inverted : set }
      isFirst = false
      if byte == UInt8(ascii: "["), rest.first == UInt8(ascii: ":") {
        try insertClass(into: &set)
        continue
      }
      guard byte != UInt8(ascii: "[") || !(rest.first.map(PatternParser.opensClass) ?? false)
      else { throw Pattern.Fault() }
      if rest.first == UInt8(ascii: "-"), let last = rest.dropFirst().first,
        last != UInt8(ascii: "]")
      {
        rest = rest.dropFirst(2)
        guard byte <= last else { throw Pattern.Fault() }
        for member in byte...last { set.insert(member) }
      } else {
        set.insert(byte)
      }
    }
  }

  /// Collating elements and equivalence classes are not understood.
  private static func opensClass(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ".") || byte == UInt8(ascii: "=")
  }

  private mutating func insertClass(into set: inout ByteSet) throws(Pattern.Fault) {
    rest.removeFirst()
    guard let end = rest.firstIndex(of: UInt8(ascii: ":")),
      rest.index(after: end) < rest.endIndex, rest[rest.index(after: end)] == UInt8(ascii: "]")
    else { throw Pattern.Fault() }
    var name = String(decoding: rest[..<end], as: UTF8.self)
    if ignoresCase, name == "upper" { name = "lower" }
    rest = rest[(end + 2)...]
    guard let isMember = PatternParser.classes[name] else { throw Pattern.Fault() }
    for byte in UInt8(0)...0x7f where isMember(byte) { set.insert(byte) }
  }

  private static let classes: [String: @Sendable (UInt8) -> Bool] = [
    "alnum": isAlphanumeric,
    "alpha": { isAlphanumeric($0) && !isDigit($0) },
    "blank": { $0 == 0x20 || $0 == 0x09 },
    "cntrl": { $0 < 0x20 || $0 == 0x7f },
    "digit": isDigit,
    "graph": { 0x21...0x7e ~= $0 },
    "lower": { 0x61...0x7a ~= $0 },
    "print": { 0x20...0x7e ~= $0 },
    "punct": { 0x21...0x7e ~= $0 && !isAlphanumeric($0) },
    "space": { $0 == 0x20 || 0x09...0x0d ~= $0 },
    "upper": { 0x41...0x5a ~= $0 },
    "xdigit": { isDigit($0) || 0x41...0x46 ~= $0 || 0x61...0x66 ~= $0 },
  ]

  @Sendable private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

  @Sendable private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || 0x41...0x5a ~= byte || 0x61...0x7a ~= byte
  }
}
