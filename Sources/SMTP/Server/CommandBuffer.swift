// SPDX-License-Identifier: ISC

/// Input that waits to be understood, and the search for the end of its first line.
struct CommandBuffer: Sendable {
  enum Line: Equatable, Sendable {
    case incomplete
    /// Where the line lies in `bytes`, its CRLF not counted.
    case line(Range<Int>)
    case tooLong
    /// A CR or LF on its own.
    case bareLineEnd
  }

  private(set) var bytes: [UInt8] = []
  /// Where what is not consumed begins.
  private(set) var start = 0
  /// Up to here there is no CR or LF.
  private var searched = 0

  var isEmpty: Bool { start == bytes.count }

  mutating func append(_ more: consuming [UInt8]) {
    if isEmpty {
      bytes = more
      start = 0
      searched = 0
    } else {
      compact()
      bytes.append(contentsOf: more)
    }
  }

  /// The first line; the same one until it is consumed.
  mutating func nextLine(lengthMax: Int) -> Line {
    let content = bytes
    let bytes = content.span
    let last = min(bytes.count, start + lengthMax + 1)
    var index = max(searched, start)
    while index < last, bytes[index] != 0x0d, bytes[index] != 0x0a { index += 1 }
    searched = index
    guard index < bytes.count else {
      return index - start > lengthMax ? .tooLong : .incomplete
    }
    guard index - start <= lengthMax else { return .tooLong }
    guard bytes[index] == 0x0d else { return .bareLineEnd }
    guard index + 1 < bytes.count else { return .incomplete }
    return bytes[index + 1] == 0x0a ? .line(start..<index) : .bareLineEnd
  }

  /// Whether more came behind the line that `nextLine` found.
  var hasMoreBehindLine: Bool { searched + 2 < bytes.count }

  /// The line that `nextLine` found, for the log: what is not printable ASCII is a question mark.
  var lineText: String {
    let printable = bytes[start..<min(searched, start + CommandBuffer.lineTextMax)]
      .map { 0x20...0x7e ~= $0 ? $0 : UInt8(ascii: "?") }
    return String(decoding: printable, as: UTF8.self)
  }

  /// The most bytes of a line that the log is given.
  private static let lineTextMax = 512

  /// Drops the line that `nextLine` found.
  mutating func consumeLine() {
    consume(to: min(searched + 2, bytes.count))
  }

  /// Overwrites the line that `nextLine` found, which a client's password is in, and drops it.
  mutating func wipeLine() {
    for index in start..<min(searched, bytes.count) { bytes[index] = 0 }
    consumeLine()
  }

  /// Drops everything before `index`.
  mutating func consume(to index: Int) {
    start = index
    searched = index
    if isEmpty { removeAll() }
  }

  mutating func removeAll() {
    bytes = []
    start = 0
    searched = 0
  }

  private mutating func compact() {
    guard start > 0 else { return }
    bytes.removeFirst(start)
    searched = max(searched, start) - start
    start = 0
  }
}
