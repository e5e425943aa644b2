// SPDX-License-Identifier: ISC

/// An enhanced mail system status code (RFC 3463): `5.1.1`.
package struct EnhancedStatus: Hashable, Sendable {
  package enum Class: UInt8, Sendable {
    case success = 2
    case temporary = 4
    case permanent = 5
  }

  package let `class`: Class
  /// 0 to 999.
  package let subject: UInt16
  /// 0 to 999.
  package let detail: UInt16

  package init(_ class: Class, _ subject: UInt16, _ detail: UInt16) {
    precondition(subject <= 999 && detail <= 999)
    self.class = `class`
    self.subject = subject
    self.detail = detail
  }
}

extension EnhancedStatus: CustomStringConvertible {
  package var description: String { "\(`class`.rawValue).\(subject).\(detail)" }
}
