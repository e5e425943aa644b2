// SPDX-License-Identifier: ISC

/// `queue compression`.
package enum QueueCompression: UInt8, Sendable {
  case none = 0
  case gzip = 1
}

/// `queue encryption`: where the key of the queue comes from.
package enum QueueEncryption: Hashable, Sendable {
  case none
  /// Asked for on the terminal.
  case prompted
  /// A line of standard input.
  case standardInput
  /// The key itself, `keyLength` bytes.
  case key(String)

  /// Bytes of a key: it is used as it is.
  package static let keyLength = 32
}
