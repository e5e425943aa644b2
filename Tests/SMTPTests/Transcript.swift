// SPDX-License-Identifier: ISC

/// A recorded SMTP dialog: what the client sends and what the server must answer.
///
/// A line of a `.smtp` file begins with one of
///
///     C:   the client sends the rest of the line, and CRLF
///     c:   the client sends the rest as it is; `\r`, `\n`, `\0`, `\t`, `\\` stand for a byte,
///          `\*COUNT*BYTE` for COUNT times that byte
///     S:   the server sends the rest of the line, and CRLF; `*` stands for anything
///     X:   the server closes the connection
///     #    a comment; empty lines are comments too
///
/// Client lines that follow one another are sent in one piece.
struct Transcript: Sendable {
  enum Step: Equatable, Sendable {
    case client([UInt8])
    case server(String)
    case closed
  }

  struct SyntaxError: Error {
    let line: Int
    let text: String
  }

  let name: String
  let steps: [Step]

  init(name: String, parsing text: String) throws {
    self.name = name
    var steps: [Step] = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      if line.isEmpty || line.hasPrefix("#") { continue }
      // An empty reply text leaves nothing behind the colon.
      let content = String(line.dropFirst(line.dropFirst(2).first == " " ? 3 : 2))
      switch line.prefix(2) {
      case "C:": steps.append(.client(Array(content.utf8) + [0x0d, 0x0a]))
      case "c:": steps.append(.client(try Transcript.unescaped(content, line: number + 1)))
      case "S:": steps.append(.server(content))
      case "X:": steps.append(.closed)
      default: throw SyntaxError(line: number + 1, text: String(line))
      }
    }
    self.steps = steps
  }

  /// Whether `line` is what `pattern` says, where `*` stands for anything.
  static func matches(_ line: some StringProtocol, _ pattern: some StringProtocol) -> Bool {
    guard let star = pattern.firstIndex(of: "*") else { return line == pattern }
    let head = pattern[..<star]
    let rest = pattern[pattern.index(after: star)...]
    guard line.hasPrefix(head) else { return false }
    var tail = line.dropFirst(head.count)
    while true {
      if matches(tail, rest) { return true }
      guard !tail.isEmpty else { return false }
      tail = tail.dropFirst()
    }
  }

  private static func unescaped(_ text: String, line: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "r"): bytes.append(0x0d)
      case UInt8(ascii: "n"): bytes.append(0x0a)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "0"): bytes.append(0)
      case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "*"):
        let digits = rest.prefix { $0 != UInt8(ascii: "*") }
        rest = rest.dropFirst(digits.count + 1)
        guard let count = Int(String(decoding: digits, as: UTF8.self)),
          let repeated = rest.popFirst()
        else { throw SyntaxError(line: line, text: text) }
        bytes += Array(repeating: repeated, count: count)
      default: throw SyntaxError(line: line, text: text)
      }
    }
    return bytes
  }
}
