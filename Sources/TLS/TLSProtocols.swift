// SPDX-License-Identifier: ISC

/// Versions of TLS. Older ones than 1.2 are nowhere.
package struct TLSProtocols: OptionSet, Hashable, Sendable {
  /// A bit for each version.
  package let rawValue: UInt8

  /// The versions whose bits are set.
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// RFC 5246.
  package static let version12 = TLSProtocols(rawValue: 1 << 1)
  /// RFC 8446.
  package static let version13 = TLSProtocols(rawValue: 1 << 2)
  /// All that there are.
  package static let usual: TLSProtocols = [.version12, .version13]

  /// Reads what `protocols` says: words with commas or colons between them, `!` in front of one takes it
  /// away. Old versions may be named, and stay out.
  ///
  /// - Throws: when a word is unknown, or nothing is left.
  package init(parsing text: String) throws(TLSError) {
    var result: TLSProtocols = []
    var isFirst = true
    for part in text.split(whereSeparator: { $0 == "," || $0 == ":" }) {
      var word = part.drop { $0 == " " || $0 == "\t" }
      while word.last == " " || word.last == "\t" { word.removeLast() }
      let isTaken = word.first == "!"
      if isTaken { word.removeFirst() }
      guard let versions = TLSProtocols.named(word.lowercased()) else {
        throw TLSError("no protocol of TLS is called \(word)")
      }
      if isTaken {
        if isFirst { result = .usual }
        result.subtract(versions)
      } else {
        result.formUnion(versions)
      }
      isFirst = false
    }
    guard !result.isEmpty else {
      throw TLSError("protocols \"\(text)\" leave nothing: 1.2 and 1.3 are there")
    }
    self = result
  }

  private static func named(_ word: String) -> TLSProtocols? {
    switch word {
    case "all", "legacy", "default", "secure", "tlsv1": .usual
    case "tlsv1.0", "tlsv1.1": []
    case "tlsv1.2": .version12
    case "tlsv1.3": .version13
    default: nil
    }
  }
}
