// SPDX-License-Identifier: ISC

/// What came of the question for a client's reverse name: without it a name that could not be found out
/// looks like none.
package enum ReverseLookup: UInt8, Sendable {
  /// The client has the name that its session says, or none.
  case answered = 0
  /// Whether it has one is not known now.
  case failed = 1
}
