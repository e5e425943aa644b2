// SPDX-License-Identifier: ISC

internal import COpenSSL

/// Why something of TLS cannot be used, or a session of it failed, in words for an operator.
package struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Without control characters.
  package let reason: String

  /// An error with this reason.
  package init(_ reason: String) { self.reason = reason }

  /// The reason.
  package var description: String { reason }

  init(_ reason: talaria_reason) {
    self.reason = reason.words
  }
}

extension talaria_reason {
  /// What C wrote, as text; it is always terminated.
  var words: String { printable(text) }
}

/// The characters of an array of C up to its zero, printable ASCII only.
func printable<Characters>(_ characters: Characters) -> String {
  // The bytes are read during the call only.
  let bytes = unsafe withUnsafeBytes(of: characters) { unsafe Array($0.prefix { $0 != 0 }) }
  return String(decoding: bytes.map { 0x20...0x7e ~= $0 ? $0 : 0x3f }, as: UTF8.self)
}
