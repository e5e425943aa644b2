// SPDX-License-Identifier: ISC

/// A message that waits in the offline directory, in OpenSMTPD's form: the arguments of sendmail(8) divided
/// by `|` in the first line, and behind it what was on standard input.
package struct OfflineMessage: Equatable, Sendable {
  /// What bounds one.
  package enum Limits {
    /// Bytes of the first line.
    package static let arguments = 1 << 17
    /// Bytes of a message: what a server takes is its own to say.
    package static let message = 256 << 20
  }

  /// Why it cannot be put there, or read.
  package enum Fault: Error, Equatable, Sendable {
    /// An argument has what divides them.
    case argument
    case tooLong
    /// There is no first line.
    case noArguments
  }

  /// Those of sendmail, without its name.
  package let arguments: [String]
  /// As it was on standard input.
  package let input: [UInt8]

  package init(arguments: [String], input: [UInt8]) {
    self.arguments = arguments
    self.input = input
  }

  package func encoded() throws(Fault) -> [UInt8] {
    let isFit = arguments.allSatisfy { $0.utf8.allSatisfy { $0 != 0x7c && $0 != 0x0a && $0 != 0 } }
    guard isFit else { throw .argument }
    let line = Array(arguments.joined(separator: "|").utf8)
    guard line.count <= Limits.arguments, input.count <= Limits.message else { throw .tooLong }
    return line + [0x0a] + input
  }

  package init(parsing bytes: [UInt8]) throws(Fault) {
    guard let end = bytes.prefix(Limits.arguments + 1).firstIndex(of: 0x0a) else {
      throw bytes.count > Limits.arguments ? .tooLong : .noArguments
    }
    guard bytes.count - end - 1 <= Limits.message else { throw .tooLong }
    let line = bytes[..<end]
    guard !line.contains(0) else { throw .argument }
    arguments =
      line.isEmpty
      ? []
      : line.split(separator: 0x7c, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    input = Array(bytes[(end + 1)...])
  }
}
