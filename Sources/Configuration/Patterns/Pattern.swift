// SPDX-License-Identifier: ISC

/// A POSIX extended regular expression.
package struct Pattern: Sendable {
  package struct Fault: Error {}

  package init(parsing text: String) throws(Fault) { throw Fault() }

  package func matches(_ text: String) -> Bool { false }
}
