// SPDX-License-Identifier: ISC

/// What there is of a user's `~/.forward`: the outcomes of forward(5).
package enum ForwardFile: Hashable, Sendable {
  /// There is none, or no home.
  case none
  case content([UInt8])
  /// A link, somebody else's, or writable for others: permanent.
  case insecure
  /// The home has the sticky bit: its owner wants mail to wait.
  case held
  /// Larger than `sizeMax`.
  case tooLarge
  /// It could not be opened or read now.
  case failed

  /// Bytes of a file that is read: one more is too many.
  package static let sizeMax = 4095
}
