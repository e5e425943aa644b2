// SPDX-License-Identifier: ISC

package import Mail

/// What a server announced in its reply to EHLO or LHLO.
package struct ServerExtensions: Hashable, Sendable {
  package var keywords: Keywords = []
  /// SIZE of RFC 1870; nil when there is none, or it is said not to be known.
  package var sizeMax: Int?
  /// The mechanisms of AUTH in upper case.
  package var authentication: [String] = []

  /// The extensions that are only there or not.
  package struct Keywords: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let pipelining = Keywords(rawValue: 1)
    package static let eightBitMIME = Keywords(rawValue: 2)
    package static let deliveryNotification = Keywords(rawValue: 4)
    package static let internationalized = Keywords(rawValue: 8)
    package static let startTLS = Keywords(rawValue: 16)
  }

  package init() {}

  /// Reads the lines behind the first one; what is not known is passed over.
  package init(_ reply: Reply) {
    for line in reply.lines.dropFirst() {
      let words = line.split(separator: " ", maxSplits: 20, omittingEmptySubsequences: true)
      guard let keyword = words.first else { continue }
      switch keyword.uppercased() {
      case "PIPELINING": keywords.insert(.pipelining)
      case "8BITMIME": keywords.insert(.eightBitMIME)
      case "DSN": keywords.insert(.deliveryNotification)
      case "SMTPUTF8": keywords.insert(.internationalized)
      case "STARTTLS": keywords.insert(.startTLS)
      case "SIZE":
        sizeMax = words.dropFirst().first.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
      case "AUTH": authentication = words.dropFirst().map { $0.uppercased() }
      default: break
      }
    }
  }
}
