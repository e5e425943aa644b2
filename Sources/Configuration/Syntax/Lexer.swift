// SPDX-License-Identifier: ISC

/// Cuts one file into tokens.
///
/// Pulled token by token, for a macro changes what the text behind its definition means: the value of
/// `$name` is read as if it stood there, but a `$` in it means nothing.
struct Lexer: Sendable {
  /// What bounds a token.
  enum Limits {
    /// Bytes of a word or a string.
    static let token = 8095
  }

  private struct Cursor: Sendable {
    var offset = 0
    var line = 1
    var lineStart = 0
    /// What is left of a macro's value, and where the macro stood.
    var expansion: ArraySlice<UInt8> = []
    var expansionPosition: SourcePosition?
  }

  private let bytes: [UInt8]
  private let file: Int
  private var cursor = Cursor()
  /// The end of a file ends its last line once.
  private var hasEndedLine = false

  init(_ bytes: [UInt8], file: Int) {
    self.bytes = bytes
    self.file = file
  }

  mutating func next(_ macros: inout Macros) throws(SyntaxFault) -> Token {
    while true {
      skipBlanks()
      if peekByte() == UInt8(ascii: "#") {
        while let byte = peekByte(), byte != 0x0a { take() }
      }
      let start = cursor
      guard let byte = peekByte() else { return atEnd(start) }
      if byte == UInt8(ascii: "$"), cursor.expansion.isEmpty {
        try expandMacro(&macros, from: start)
        continue
      }
      return try token(from: start, first: byte)
    }
  }

  private mutating func atEnd(_ start: Cursor) -> Token {
    guard hasEndedLine else {
      hasEndedLine = true
      return token(.newline, start)
    }
    return token(.end, start)
  }

  private mutating func token(from start: Cursor, first: UInt8) throws(SyntaxFault) -> Token {
    take()
    switch first {
    case 0x0a:
      return token(.newline, start)
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      return try quoted(first, start)
    case UInt8(ascii: "-"), 0x30...0x39:
      if let number = try number(first, start) { return number }
      return first == UInt8(ascii: "-") ? token(.symbol(first), start) : try word(first, start)
    case UInt8(ascii: "="):
      guard peekByte() == UInt8(ascii: ">") else { return token(.symbol(first), start) }
      take()
      return token(.arrow, start)
    case 0:
      throw fault(.zeroByte, start)
    case 0x0d:
      throw fault(.carriageReturn, start)
    case _
    where Lexer.isAlphanumeric(first) || first == UInt8(ascii: ":")
      || first == UInt8(ascii: "_"):
      return try word(first, start)
    default:
      return token(.symbol(first), start)
    }
  }

  /// A backslash hides only the quote, a space and a tab; a line end in quotes vanishes.
  private mutating func quoted(_ quote: UInt8, _ start: Cursor) throws(SyntaxFault) -> Token {
    var content: [UInt8] = []
    while true {
      guard let byte = takeQuoted() else { throw fault(.unterminatedString, start) }
      switch byte {
      case quote:
        return token(.string(try text(content, start)), start)
      case 0:
        throw fault(.zeroByte, start)
      case 0x0a:
        continue
      case UInt8(ascii: "\\"):
        let mark = cursor
        guard let next = takeQuoted() else { throw fault(.unterminatedString, start) }
        if next == quote || next == 0x20 || next == 0x09 {
          content.append(next)
        } else if next != 0x0a {
          cursor = mark
          content.append(byte)
        }
      default:
        content.append(byte)
      }
      guard content.count <= Limits.token else { throw fault(.tokenTooLong, start) }
    }
  }

  /// Nil when the digits begin a word, or when there are none behind the sign.
  private mutating func number(_ first: UInt8, _ start: Cursor) throws(SyntaxFault) -> Token? {
    let mark = cursor
    var digits = [first]
    while let byte = peekByte(), 0x30...0x39 ~= byte {
      digits.append(byte)
      take()
      guard digits.count <= Limits.token else { throw fault(.tokenTooLong, start) }
    }
    let isBare = digits.count == 1 && first == UInt8(ascii: "-")
    guard !isBare, Lexer.endsNumber(peekByte()) else {
      cursor = mark
      return nil
    }
    guard let value = Int64(String(decoding: digits, as: UTF8.self)) else {
      throw fault(.numberOutOfRange, start)
    }
    return token(.number(value), start)
  }

  private mutating func word(_ first: UInt8, _ start: Cursor) throws(SyntaxFault) -> Token {
    var content = [first]
    while let byte = peekByte(), Lexer.isWordByte(byte) {
      content.append(byte)
      take()
      guard content.count <= Limits.token else { throw fault(.tokenTooLong, start) }
    }
    return token(.word(try text(content, start)), start)
  }

  private mutating func expandMacro(
    _ macros: inout Macros,
    from start: Cursor
  ) throws(SyntaxFault) {
    take()
    var name: [UInt8] = []
    while let byte = peekByte(), Lexer.isMacroName(byte) {
      name.append(byte)
      take()
      guard name.count <= Limits.token else { throw fault(.tokenTooLong, start) }
    }
    let text = try text(name, start)
    guard let value = macros.use(text) else {
      throw fault(
        .undefinedMacro(text, nearest: Spelling.nearest(to: text, in: macros.names)),
        start
      )
    }
    cursor.expansionPosition = position(from: start)
    cursor.expansion = Array(value.utf8)[...]
  }

  private func text(_ content: [UInt8], _ start: Cursor) throws(SyntaxFault) -> String {
    guard let text = String(validating: content, as: UTF8.self) else {
      throw fault(.notText, start)
    }
    return text
  }
}

extension Lexer {
  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: false
    }
  }

  static func isMacroName(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: "_")
  }

  /// Letters, digits and all punctuation but what has a meaning of its own.
  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "}"),
      UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "!"), UInt8(ascii: "="),
      UInt8(ascii: "#"), UInt8(ascii: ","):
      false
    default:
      0x21...0x7e ~= byte
    }
  }

  private static func endsNumber(_ byte: UInt8?) -> Bool {
    guard let byte else { return true }
    return switch byte {
    case 0x09...0x0d, 0x20, UInt8(ascii: ")"), UInt8(ascii: ","), UInt8(ascii: "/"),
      UInt8(ascii: "}"), UInt8(ascii: "="):
      true
    default:
      false
    }
  }
}

extension Lexer {
  private mutating func skipBlanks() {
    while let byte = peekByte(), byte == 0x20 || byte == 0x09 { take() }
  }

  /// The next byte outside of quotes, where a backslash before a line end hides both.
  private mutating func peekByte() -> UInt8? {
    if let byte = cursor.expansion.first { return byte }
    while cursor.offset + 1 < bytes.count, bytes[cursor.offset] == UInt8(ascii: "\\"),
      bytes[cursor.offset + 1] == 0x0a
    {
      cursor.offset += 1
      take()
    }
    return cursor.offset < bytes.count ? bytes[cursor.offset] : nil
  }

  private mutating func takeQuoted() -> UInt8? {
    if let byte = cursor.expansion.first {
      take()
      return byte
    }
    guard cursor.offset < bytes.count else { return nil }
    let byte = bytes[cursor.offset]
    take()
    return byte
  }

  /// Moves past one byte.
  private mutating func take() {
    if !cursor.expansion.isEmpty {
      cursor.expansion.removeFirst()
      return
    }
    cursor.expansionPosition = nil
    let byte = bytes[cursor.offset]
    cursor.offset += 1
    if byte == 0x0a {
      cursor.line += 1
      cursor.lineStart = cursor.offset
    }
  }

  private func token(_ kind: Token.Kind, _ start: Cursor) -> Token {
    Token(kind: kind, position: position(from: start))
  }

  private func fault(_ complaint: Complaint, _ start: Cursor) -> SyntaxFault {
    SyntaxFault(complaint: complaint, position: position(from: start))
  }

  private func position(from start: Cursor) -> SourcePosition {
    if !start.expansion.isEmpty, let position = start.expansionPosition { return position }
    let length = cursor.line == start.line ? cursor.offset - start.offset : 1
    return SourcePosition(
      file: file,
      line: start.line,
      column: start.offset - start.lineStart + 1,
      length: max(length, 1)
    )
  }
}
