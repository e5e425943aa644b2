// SPDX-License-Identifier: ISC

/// The entries of an alias's value, a `~/.forward`, or an included list, in their order.
///
/// Entries stand between commas. Quotes of either kind keep commas together; a backslash takes the
/// character behind it as it is, and vanishes.
package struct NodeList: Hashable, Sendable {
  /// Why a text is no such list.
  package enum Fault: Error, Hashable, Sendable {
    case openQuote
    case openBackslash
    /// An entry that means nothing.
    case unreadable(String)
    /// A file that is none, such as a maildir: a path that ends in a slash.
    case directory(String)
    case tooMany
  }

  /// In their order.
  package private(set) var nodes: [ExpansionNode] = []

  /// The value of an alias.
  package init(parsing value: String) throws(Fault) {
    try append(line: Array(value.utf8)[...], atMost: ExpansionLimits.nodesOfAlias)
  }

  /// A file: every line is such a list; empty ones and those that begin with `#` are skipped.
  package init(parsing file: [UInt8], atMost limit: Int) throws(Fault) {
    for line in file.split(separator: 0x0a) {
      let line = ExpansionNode.trimmed(line)
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      try append(line: line, atMost: limit)
    }
  }

  private mutating func append(line: ArraySlice<UInt8>, atMost limit: Int) throws(Fault) {
    var entry: [UInt8] = []
    var quote: UInt8?
    var isEscaped = false
    for byte in line {
      if isEscaped {
        entry.append(byte)
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: ","), quote == nil {
        try append(entry, atMost: limit)
        entry.removeAll(keepingCapacity: true)
      } else {
        if byte == quote {
          quote = nil
        } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
          quote = byte
        }
        entry.append(byte)
      }
    }
    guard !isEscaped else { throw .openBackslash }
    guard quote == nil else { throw .openQuote }
    try append(entry, atMost: limit)
  }

  private mutating func append(_ entry: [UInt8], atMost limit: Int) throws(Fault) {
    let text = ExpansionNode.trimmed(entry[...])
    guard !text.isEmpty else { return }
    guard let node = ExpansionNode(reading: text) else {
      throw .unreadable(String(decoding: text.prefix(80), as: UTF8.self))
    }
    if case .file(let path) = node, path.hasSuffix("/") { throw .directory(path) }
    guard nodes.count < limit else { throw .tooMany }
    nodes.append(node)
  }
}

extension NodeList.Fault: CustomStringConvertible {
  /// For a log line.
  package var description: String {
    switch self {
    case .openQuote: "a quote is not closed"
    case .openBackslash: "it ends in a backslash"
    case .unreadable(let text): "\"\(text)\" is no address, user, command, file or list"
    case .directory(let path): "\(path) is a directory: a file is a mailbox of the mbox format"
    case .tooMany: "too many entries"
    }
  }
}
