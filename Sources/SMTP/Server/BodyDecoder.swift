// SPDX-License-Identifier: ISC

/// Undoes what the wire does to a message: CRLF becomes LF, dot-stuffing goes, and the one end of the
/// data is found.
///
/// Only `CRLF . CRLF` ends the data. A CR or LF on its own is taken for the end of a line that
/// another server might have seen there, so that
///
/// - a message that holds one is refused, and nothing more of it is given out;
/// - a dot alone between two line ends that are not both CRLF is *ambiguous*: a peer may believe that
///   its message ended there. Nothing behind it can be trusted to be either data or commands.
struct BodyDecoder: Sendable {
  /// What stopped `decode`.
  enum Stop: Equatable, Sendable {
    /// All of the input was used.
    case starved
    /// The final dot; the index behind it.
    case ended(Int)
    /// A dot alone between line ends that are not both CRLF.
    case ambiguous
    /// A line has more than `lineLengthMax` bytes.
    case lineTooLong
  }

  /// What is wrong with the message; it is then swallowed.
  enum Fault: Equatable, Sendable {
    case bareLineEnd
    case tooBig
  }

  /// Decoded bytes that nobody took yet.
  private(set) var output: [UInt8] = []
  private(set) var fault: Fault?
  /// Octets so far as SIZE counts them.
  private(set) var size = 0
  /// Bytes given to `output` so far.
  private(set) var storedSize = 0

  private var header: HeaderSection
  private var position = Position.lineStart
  /// The line before this one ended by a lone CR or LF.
  private var followsBareLineEnd = false
  private var lineLength = 0
  /// The header line that is being collected.
  private var line: [UInt8] = []
  private let lineLengthMax: Int
  private let sizeMax: Int

  private enum Position: Sendable {
    case lineStart
    /// Behind a dot at the start of a line.
    case dot
    /// Behind a dot at the start of a line and a CR.
    case dotReturn
    case middle
    /// Behind a CR elsewhere than behind a lone dot.
    case carriageReturn
  }

  /// - Parameter prefix: what the message begins with: Received.
  init(prefix: [UInt8], header: HeaderSection, lineLengthMax: Int, sizeMax: Int) {
    output = prefix
    storedSize = prefix.count
    self.header = header
    self.lineLengthMax = lineLengthMax
    self.sizeMax = sizeMax
  }

  /// What is wrong with the header section; known at the end of the data.
  var headerFault: HeaderSection.Fault? { header.fault }

  /// Nothing more of this message is worth keeping: swallow the rest.
  mutating func discard(_ reason: Fault) {
    if fault == nil { fault = reason }
    output = []
    line = []
  }

  /// The bytes decoded since the last time.
  mutating func takeOutput() -> [UInt8] {
    defer { output = [] }
    return output
  }

  /// Decodes from `start` until the input or the data ends.
  mutating func decode(_ input: [UInt8], from start: Int) -> Stop {
    if fault == nil { output.reserveCapacity(output.count + input.count - start) }
    let before = output.count
    defer { if fault == nil { storedSize += output.count - before } }
    var index = start
    while index < input.count {
      let byte = input[index]
      switch position {
      case .lineStart:
        // The dot may be stuffing: the next byte tells.
        position = byte == dot ? .dot : .middle
        if byte == dot { index += 1 }
      case .dot:
        if byte == lineFeed { return .ambiguous }
        position = byte == carriageReturn ? .dotReturn : .middle
        if byte == carriageReturn { index += 1 }
      case .dotReturn:
        guard byte == lineFeed, !followsBareLineEnd else { return .ambiguous }
        endHeader()
        return .ended(index + 1)
      case .carriageReturn:
        endLine(byte == lineFeed ? .proper : .bare)
        if byte == lineFeed { index += 1 }
      case .middle:
        let end = LineEndSearch.firstIndex(in: input.span, from: index)
        lineLength += end - index
        guard lineLength <= lineLengthMax else { return .lineTooLong }
        append(input[index..<end])
        index = takeLineEnd(input, at: end)
      }
    }
    return .starved
  }

  private enum LineEnd {
    case proper
    case bare
  }

  /// Takes the CR or LF at `index`, or CRLF when both are there; returns the index behind it.
  private mutating func takeLineEnd(_ input: [UInt8], at index: Int) -> Int {
    guard index < input.count else { return index }
    if input[index] == lineFeed {
      endLine(.bare)
    } else if index + 1 < input.count, input[index + 1] == lineFeed {
      endLine(.proper)
      return index + 2
    } else {
      position = .carriageReturn
    }
    return index + 1
  }

  private mutating func append(_ run: ArraySlice<UInt8>) {
    grow(by: run.count)
    guard fault == nil else { return }
    if header.isOpen {
      line.append(contentsOf: run)
    } else {
      output.append(contentsOf: run)
    }
  }

  private mutating func endLine(_ end: LineEnd) {
    position = .lineStart
    lineLength = 0
    followsBareLineEnd = end == .bare
    if end == .bare { discard(.bareLineEnd) }
    grow(by: 2)
    guard fault == nil else { return }
    if header.isOpen {
      header.take(line, into: &output)
      line.removeAll(keepingCapacity: true)
    } else {
      output.append(lineFeed)
    }
  }

  private mutating func endHeader() {
    guard fault == nil, header.isOpen else { return }
    header.finish(into: &output)
  }

  private mutating func grow(by count: Int) {
    size += count
    if size > sizeMax { discard(.tooBig) }
  }
}

private let lineFeed = UInt8(ascii: "\n")
private let carriageReturn = UInt8(ascii: "\r")
private let dot = UInt8(ascii: ".")
