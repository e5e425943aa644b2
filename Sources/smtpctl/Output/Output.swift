// SPDX-License-Identifier: ISC

/// Where answers go: collects lines and passes them on in large pieces.
final class Output {
  /// Why nothing more can be written.
  enum Failure: Error, Equatable {
    /// The reader went away, which is its right.
    case closed
    case failed(String)
  }

  private var buffer: [UInt8] = []
  private let threshold: Int
  private let sink: ([UInt8]) throws(Failure) -> Void

  /// - Parameters:
  ///   - threshold: how many bytes are collected before they are passed on.
  ///   - sink: takes all the bytes that it is given.
  init(threshold: Int = 256 * 1024, sink: @escaping ([UInt8]) throws(Failure) -> Void) {
    self.threshold = threshold
    self.sink = sink
    buffer.reserveCapacity(threshold + 4096)
  }

  /// Adds what `body` appends, a whole line or more.
  func append(_ body: (inout [UInt8]) -> Void) throws(Failure) {
    body(&buffer)
    if buffer.count >= threshold { try flush() }
  }

  func append(_ content: [UInt8]) throws(Failure) {
    try append { bytes in bytes.append(contentsOf: content) }
  }

  /// A line of text; the newline is added.
  func line(_ text: String) throws(Failure) {
    try append { bytes in
      bytes.append(contentsOf: text.utf8)
      bytes.append(UInt8(ascii: "\n"))
    }
  }

  /// Passes on what was collected.
  func flush() throws(Failure) {
    guard !buffer.isEmpty else { return }
    defer { buffer.removeAll(keepingCapacity: true) }
    try sink(buffer)
  }
}
