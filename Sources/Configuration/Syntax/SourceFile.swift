// SPDX-License-Identifier: ISC

/// A file of the configuration, kept for the lines that diagnostics show.
struct SourceFile: Sendable {
  let path: String
  let bytes: [UInt8]
  /// The lines that led to it: of the main file, and of each that it includes on the way.
  let inclusion: [Int]

  /// The bytes of a line, counted from 1, without its end.
  func line(_ number: Int) -> ArraySlice<UInt8> {
    var start = 0
    for _ in 1..<max(number, 1) {
      guard let end = bytes[start...].firstIndex(of: 0x0a) else { return [] }
      start = end + 1
    }
    return bytes[start..<(bytes[start...].firstIndex(of: 0x0a) ?? bytes.count)]
  }
}

/// A stretch of one line of one file.
struct SourcePosition: Hashable, Sendable {
  /// The file's place in the order of reading.
  var file: Int
  /// From 1.
  var line: Int
  /// In bytes, from 1.
  var column: Int
  /// In bytes; at least 1.
  var length: Int
}
