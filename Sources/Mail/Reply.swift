// SPDX-License-Identifier: ISC

/// An SMTP reply (RFC 5321 section 4.2): a code, an enhanced status, and one text a line.
package struct Reply: Hashable, Sendable {
  /// 200 to 599.
  package let code: UInt16
  package let status: EnhancedStatus?
  /// At least one; none has a CR, a LF or a NUL in it.
  package let lines: [String]

  package init(_ code: UInt16, _ status: EnhancedStatus? = nil, _ lines: String...) {
    self.init(code: code, status: status, lines: lines)
  }

  package init(code: UInt16, status: EnhancedStatus?, lines: [String]) {
    precondition(200...599 ~= code && !lines.isEmpty)
    self.code = code
    self.status = status
    self.lines = lines
  }

  /// 2xx or 3xx.
  package var isPositive: Bool { code < 400 }
  /// 4xx.
  package var isTransient: Bool { 400..<500 ~= code }
  /// 5xx.
  package var isPermanent: Bool { code >= 500 }
}
