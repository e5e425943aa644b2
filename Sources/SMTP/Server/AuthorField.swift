// SPDX-License-Identifier: ISC

/// From as somebody else's: whatever addresses it names become his.
enum AuthorField {
  /// Appends `field`, which begins with its name and colon, to `output`, every address in it made `address`.
  ///
  /// Names, comments and folding stay. What is no address list (RFC 5322 section 3.4), so that another reader
  /// might find an address where this one does not, becomes `address` alone.
  static func append(_ field: [UInt8], masqueradedAs address: String, to output: inout [UInt8]) {
    let begin = (field.firstIndex(of: UInt8(ascii: ":")) ?? -1) + 1
    var parser = Parser(field, from: begin)
    guard let ranges = parser.parse() else {
      output.append(contentsOf: field[..<begin])
      output.append(contentsOf: " \(address)\n".utf8)
      return
    }
    var copied = 0
    for range in ranges {
      output.append(contentsOf: field[copied..<range.lowerBound])
      output.append(contentsOf: address.utf8)
      copied = range.upperBound
    }
    output.append(contentsOf: field[copied...])
  }

  /// Finds the addresses of a list that is one. Stricter than the standard's obsolete forms, but for a local part
  /// without a domain and points in names.
  private struct Parser {
    private let bytes: [UInt8]
    private var index: Int
    /// A comment or a quoted string has no end.
    private var isBroken = false
    /// Without angles, in rising order.
    private var addresses: [Range<Int>] = []

    init(_ bytes: [UInt8], from index: Int) {
      self.bytes = bytes
      self.index = index
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// The addresses, at least one; nil when the rest of the field is no list of them.
    mutating func parse() -> [Range<Int>]? {
      var isInGroup = false
      while true {
        let words = takeWords()
        switch next {
        case UInt8(ascii: "<"):
          guard takeAngle() else { return nil }
        case UInt8(ascii: "@"):
          guard words.count == 1, let end = takeDomain() else { return nil }
          addresses.append(words[0].lowerBound..<end)
        case UInt8(ascii: ":"):
          guard !isInGroup, !words.isEmpty else { return nil }
          isInGroup = true
          index += 1
          continue
        default:
          guard words.count <= 1 else { return nil }
          addresses += words
        }
        skipBlanks()
        if next == UInt8(ascii: ";"), isInGroup {
          isInGroup = false
          index += 1
          skipBlanks()
        }
        guard next == UInt8(ascii: ",") else { break }
        index += 1
      }
      return next == nil && !isInGroup && !isBroken && !addresses.isEmpty ? addresses : nil
    }

    /// `<` and what belongs to it.
    private mutating func takeAngle() -> Bool {
      index += 1
      let start = index
      guard takeWords().count == 1 else { return false }
      if next == UInt8(ascii: "@") {
        guard takeDomain() != nil else { return false }
        skipBlanks()
      }
      guard next == UInt8(ascii: ">") else { return false }
      addresses.append(start..<index)
      index += 1
      return true
    }

    /// `@` and a domain, or an address in brackets. Returns where it ends.
    private mutating func takeDomain() -> Int? {
      index += 1
      skipBlanks()
      let start = index
      if next == UInt8(ascii: "[") {
        index += 1
        while let byte = next, 0x21...0x5a ~= byte || 0x5e...0x7e ~= byte { index += 1 }
        guard next == UInt8(ascii: "]") else { return nil }
        index += 1
      } else {
        takeAtom()
      }
      return index > start ? index : nil
    }

    /// Atoms and quoted strings, with blanks around them.
    private mutating func takeWords() -> [Range<Int>] {
      var words: [Range<Int>] = []
      while true {
        skipBlanks()
        let start = index
        if next == UInt8(ascii: "\"") { takeQuoted() } else { takeAtom() }
        guard index > start else { return words }
        words.append(start..<index)
      }
    }

    private mutating func takeAtom() {
      while let byte = next, Parser.isAtomic(byte) { index += 1 }
    }

    private mutating func takeQuoted() {
      index += 1
      while let byte = next, byte != UInt8(ascii: "\"") {
        index += byte == UInt8(ascii: "\\") ? 2 : 1
      }
      closed()
    }

    /// White space, folding, and comments, which may have others in them.
    private mutating func skipBlanks() {
      while let byte = next {
        if byte == UInt8(ascii: "(") {
          skipComment()
        } else if byte == 0x20 || byte == 0x09 || byte == 0x0a {
          index += 1
        } else {
          return
        }
      }
    }

    private mutating func skipComment() {
      var depth = 0
      while let byte = next {
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") { depth -= 1 }
        if depth == 0 { break }
        index += byte == UInt8(ascii: "\\") ? 2 : 1
      }
      closed()
    }

    /// Steps over what ends a comment or a quoted string, which has to be there.
    private mutating func closed() {
      if index >= bytes.count { isBroken = true }
      index = min(index + 1, bytes.count)
    }

    /// What an atom consists of, points and UTF-8 among it (RFC 6532).
    private static func isAtomic(_ byte: UInt8) -> Bool {
      byte > 0x20 && byte != 0x7f && !"()<>[]:;@\\,\"".utf8.contains(byte)
    }
  }
}
