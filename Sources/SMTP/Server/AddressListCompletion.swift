// SPDX-License-Identifier: ISC

/// Gives the addresses of a field that have no domain one, and leaves all else, folding too, as it is.
enum AddressListCompletion {
  /// Appends `field`, which begins with its name and colon, to `output`.
  static func append(
    _ field: [UInt8],
    completedWith domain: String,
    to output: inout [UInt8]
  ) {
    var scanner = Scanner(start: (field.firstIndex(of: UInt8(ascii: ":")) ?? -1) + 1)
    for index in scanner.start..<field.count { scanner.take(field[index], at: index) }
    scanner.endAddress()

    var copied = 0
    for index in scanner.insertions {
      output.append(contentsOf: field[copied..<index])
      output.append(UInt8(ascii: "@"))
      output.append(contentsOf: domain.utf8)
      copied = index
    }
    output.append(contentsOf: field[copied...])
  }

  /// Walks through an address list (RFC 5322 section 3.4) and notes where a domain is missing.
  private struct Scanner {
    let start: Int
    /// Indices behind which an address ends that has no domain, in rising order.
    var insertions: [Int] = []

    private var state = State.plain
    private var commentDepth = 0
    private var isEscaped = false
    private var hasAt = false
    private var hasAngle = false
    /// Words outside of angles: two of them are a name, and not an address.
    private var words = 0
    private var isInWord = false
    private var wordEnd = 0
    private var angleStart = 0

    private enum State {
      case plain
      case quoted
      case comment
      case angle
      case quotedInAngle
    }

    init(start: Int) { self.start = start }

    mutating func take(_ byte: UInt8, at index: Int) {
      if isEscaped {
        isEscaped = false
        return
      }
      switch state {
      case .plain: takePlain(byte, at: index)
      case .quoted, .quotedInAngle:
        if byte == UInt8(ascii: "\\") { isEscaped = true }
        guard byte == UInt8(ascii: "\"") else { return }
        if state == .quoted { wordEnd = index + 1 }
        state = state == .quoted ? .plain : .angle
      case .comment:
        switch byte {
        case UInt8(ascii: "\\"): isEscaped = true
        case UInt8(ascii: "("): commentDepth += 1
        case UInt8(ascii: ")"):
          commentDepth -= 1
          if commentDepth == 0 { state = .plain }
        default: break
        }
      case .angle:
        switch byte {
        case UInt8(ascii: "\""): state = .quotedInAngle
        case UInt8(ascii: "@"): hasAt = true
        case UInt8(ascii: ">"):
          if !hasAt, index > angleStart { insertions.append(index) }
          state = .plain
        default: break
        }
      }
    }

    /// A comma, a semicolon, a group's colon or the end of the field.
    mutating func endAddress() {
      if !hasAngle, !hasAt, words == 1, state == .plain { insertions.append(wordEnd) }
      hasAt = false
      hasAngle = false
      words = 0
      isInWord = false
    }

    private mutating func takePlain(_ byte: UInt8, at index: Int) {
      switch byte {
      case UInt8(ascii: ","), UInt8(ascii: ";"): endAddress()
      case UInt8(ascii: ":"):
        // What stood before it is a group's name.
        hasAngle = false
        hasAt = false
        words = 0
        isInWord = false
      case 0x20, 0x09, 0x0a: isInWord = false
      case UInt8(ascii: "("):
        state = .comment
        commentDepth = 1
        isInWord = false
      case UInt8(ascii: "<"):
        state = .angle
        hasAngle = true
        hasAt = false
        angleStart = index + 1
      default:
        if !isInWord { words += 1 }
        isInWord = true
        wordEnd = index + 1
        if byte == UInt8(ascii: "@") { hasAt = true }
        if byte == UInt8(ascii: "\"") { state = .quoted }
      }
    }
  }
}
