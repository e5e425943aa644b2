// SPDX-License-Identifier: ISC

/// Makes the wire's form of a stored message: LF becomes CRLF, a dot at the start of a line is doubled.
///
/// Never gives out a CR or LF on its own: a CR before an LF is dropped, another one becomes CRLF.
struct BodyEncoder: Sendable {
  private var isAtLineStart = true
  private var followsReturn = false

  /// Appends the encoded chunk to `output`.
  mutating func encode(_ chunk: [UInt8], to output: inout [UInt8]) {
    output.reserveCapacity(output.count + chunk.count + chunk.count / 16 + 64)
    let bytes = chunk.span
    var index = 0
    while index < bytes.count {
      if followsReturn {
        // Line ends are written with the byte that follows a CR.
        followsReturn = false
        endLine(&output)
        if bytes[index] == lineFeed { index += 1 }
        continue
      }
      if isAtLineStart, bytes[index] == dot { output.append(dot) }
      let start = index
      index = LineEndSearch.firstIndex(in: bytes, from: index)
      if index > start {
        output.append(contentsOf: chunk[start..<index])
        isAtLineStart = false
      }
      guard index < bytes.count else { return }
      if bytes[index] == lineFeed { endLine(&output) } else { followsReturn = true }
      index += 1
    }
  }

  /// Appends the end of the last line, if it lacks one, and the final dot.
  mutating func finish(_ output: inout [UInt8]) {
    if followsReturn || !isAtLineStart { endLine(&output) }
    output.append(dot)
    endLine(&output)
  }

  private mutating func endLine(_ output: inout [UInt8]) {
    output.append(carriageReturn)
    output.append(lineFeed)
    isAtLineStart = true
  }
}

private let lineFeed = UInt8(ascii: "\n")
private let carriageReturn = UInt8(ascii: "\r")
private let dot = UInt8(ascii: ".")
