// SPDX-License-Identifier: ISC

/// Reads a bracket expression, whose `[` is gone.
///
/// There is one collation, that of the bytes: so a collating element is one byte, and is equivalent to
/// itself only.
struct BracketParser {
  /// What stands behind the `]`, once it was read.
  private(set) var rest: ArraySlice<UInt8>
  private let ignoresCase: Bool
  private var set = ByteSet()

  init(_ source: ArraySlice<UInt8>, ignoresCase: Bool) {
    rest = source
    self.ignoresCase = ignoresCase
  }

  mutating func parse() throws(Pattern.Fault) -> ByteSet {
    let isInverted = rest.first == UInt8(ascii: "^")
    if isInverted { rest.removeFirst() }
    var isFirst = true
    while true {
      if !isFirst, rest.first == UInt8(ascii: "]") {
        rest.removeFirst()
        return isInverted ? set.inverted : set
      }
      isFirst = false
      let low = try element()
      guard rest.first == UInt8(ascii: "-"), let following = rest.dropFirst().first,
        following != UInt8(ascii: "]")
      else {
        if let low { insert(low) }
        continue
      }
      rest.removeFirst()
      guard let low, let high = try element(), low <= high else { throw .range }
      for byte in low...high { insert(byte) }
    }
  }

  /// A byte that may begin or end a range; nil when it was a class, whose bytes are in the set now.
  private mutating func element() throws(Pattern.Fault) -> UInt8? {
    guard let byte = rest.popFirst() else { throw .bracket }
    guard byte == UInt8(ascii: "["), let kind = rest.first, ":=.".utf8.contains(kind) else {
      return byte
    }
    rest.removeFirst()
    let name = try name(endedBy: kind)
    if kind == UInt8(ascii: ":") {
      let text = String(decoding: name, as: UTF8.self)
      guard let isMember = ByteClass.named[text] else { throw .unknownClass(text) }
      for byte in UInt8(0)...0x7f where isMember(byte) { insert(byte) }
      return nil
    }
    guard name.count == 1, let byte = name.first else {
      throw .collatingElement(String(decoding: name, as: UTF8.self))
    }
    if kind == UInt8(ascii: ".") { return byte }
    insert(byte)
    return nil
  }

  private mutating func name(endedBy kind: UInt8) throws(Pattern.Fault) -> ArraySlice<UInt8> {
    for index in rest.indices.dropLast()
    where rest[index] == kind && rest[index + 1] == UInt8(ascii: "]") {
      let name = rest[..<index]
      rest = rest[(index + 2)...]
      return name
    }
    throw .bracket
  }

  private mutating func insert(_ byte: UInt8) {
    set.insert(ignoresCase ? Pattern.lowercase(byte) : byte)
  }
}
