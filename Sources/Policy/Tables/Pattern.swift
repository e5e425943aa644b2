// SPDX-License-Identifier: ISC

/// A POSIX extended regular expression.
struct Pattern: Sendable {
  struct Fault: Error {}

  init(parsing text: String) throws(Fault) { throw Fault() }

  func matches(_ text: String) -> Bool { false }
}
