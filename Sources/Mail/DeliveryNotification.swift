// SPDX-License-Identifier: ISC

/// What a sender asked to be told about one recipient (RFC 3461 section 4.1).
package struct NotifyConditions: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let success = NotifyConditions(rawValue: 1)
  package static let failure = NotifyConditions(rawValue: 2)
  package static let delay = NotifyConditions(rawValue: 4)
  /// Excludes the others.
  package static let never = NotifyConditions(rawValue: 8)
}

/// How much of a message a failure notice brings back (RFC 3461 section 4.3).
package enum ReturnContent: UInt8, Sendable {
  case full = 1
  case headers = 2
}
