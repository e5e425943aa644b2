// SPDX-License-Identifier: ISC

package import Mail

/// Makes replies (RFC 5321 section 4.2) of what a server sends, however it is cut up, within limits.
///
/// Lines may end in LF alone. Texts lose what is not printable: control characters and what is not UTF-8
/// become question marks.
package struct ReplyReader: Sendable {
  /// Why these bytes are no reply.
  package enum Fault: Error, Equatable, Sendable {
    case lineTooLong
    case tooManyLines
    /// A line without a code of 200 to 599, or whose code is not that of the line before it.
    case malformed
  }

  private let lineLengthMax: Int
  private let linesMax: Int
  private var line: [UInt8] = []
  private var code: UInt16?
  private var status: EnhancedStatus?
  private var lines: [String] = []

  package init(lineLengthMax: Int = 2048, linesMax: Int = 100) {
    self.lineLengthMax = lineLengthMax
    self.linesMax = linesMax
  }

  /// Takes bytes up to the end of a reply, or all of them; what is taken is removed from `bytes`.
  ///
  /// - Returns: the reply, or nil when more has to come.
  package mutating func read(_ bytes: inout ArraySlice<UInt8>) throws(Fault) -> Reply? {
    while let end = bytes.firstIndex(of: 0x0a) {
      let part = bytes[bytes.startIndex..<end]
      bytes = bytes[(end + 1)...]
      guard line.count + part.count <= lineLengthMax + 1 else { throw .lineTooLong }
      line.append(contentsOf: part)
      if line.last == 0x0d { line.removeLast() }
      defer { line.removeAll(keepingCapacity: true) }
      if let reply = try takeLine() { return reply }
    }
    guard line.count + bytes.count <= lineLengthMax + 1 else { throw .lineTooLong }
    line.append(contentsOf: bytes)
    bytes = []
    return nil
  }

  private mutating func takeLine() throws(Fault) -> Reply? {
    guard line.count <= lineLengthMax else { throw .lineTooLong }
    guard lines.count < linesMax else { throw .tooManyLines }
    guard line.count >= 3, line[..<3].allSatisfy({ 0x30...0x39 ~= $0 }) else { throw .malformed }
    let lineCode = line[..<3].reduce(UInt16(0)) { $0 * 10 + UInt16($1 - 0x30) }
    guard 200...599 ~= lineCode, code == nil || code == lineCode else { throw .malformed }
    let separator = line.count > 3 ? line[3] : 0x20
    guard separator == 0x20 || separator == 0x2d else { throw .malformed }
    code = lineCode
    takeText(line.dropFirst(4), of: lineCode)
    guard separator == 0x20 else { return nil }
    defer {
      code = nil
      status = nil
      lines = []
    }
    return Reply(code: lineCode, status: status, lines: lines)
  }

  /// Takes the status off the text when it is that of the first line and fits the code.
  private mutating func takeText(_ bytes: ArraySlice<UInt8>, of code: UInt16) {
    let content = Array(bytes)
    var length = 0
    if let found = EnhancedStatus(startOf: content.span, length: &length),
      UInt16(found.class.rawValue) == code / 100, lines.isEmpty || found == status
    {
      if lines.isEmpty { status = found }
      lines.append(ReplyReader.text(content.dropFirst(length).drop { $0 == 0x20 }))
    } else {
      lines.append(ReplyReader.text(content[...]))
    }
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    let clean = bytes.map { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }
    if let text = String(validating: clean, as: UTF8.self) { return text }
    let ascii = clean.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
    return String(decoding: ascii, as: UTF8.self)
  }
}
