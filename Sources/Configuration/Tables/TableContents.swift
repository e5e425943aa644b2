// SPDX-License-Identifier: ISC

internal import Mail

/// The entries of a table file.
///
/// The text: lines are trimmed, empty ones and those that begin with `#` are skipped. `# @list` makes
/// every line one key; else the first line decides, and is a list's when it has one word. A key ends
/// at a blank, a tab or a colon; in brackets it may hold colons.
package enum TableContents: Hashable, Sendable {
  case list([String])
  case map([TableDeclaration.Pair])

  /// Why a text is no table.
  package enum Fault: Error, Hashable, Sendable {
    case notText(line: Int)
    case keyTooLong(line: Int)
    /// A line of a map has a key and nothing else.
    case valueMissing(line: Int, key: String)
    /// The same, in a file that only an IPv6 address without brackets made a map.
    case addressTakenForPair(line: Int, key: String, address: Int)
  }

  /// What bounds table files.
  package enum Limits {
    /// Bytes of a key.
    package static let key = 1024
  }

  /// Keys are made lower case, but for a letter behind a backslash, which means something else to a regular
  /// expression; they come out sorted, the last of equal ones wins.
  package init(parsing bytes: [UInt8]) throws(Fault) {
    var keys: [String] = []
    var values: [String] = []
    let kind = try TableContents.scan(bytes) { key, value, _ in
      keys.append(key)
      if let value { values.append(value) }
    }
    self =
      kind == .list
      ? .list(TableContents.sorted(keys))
      : .map(TableContents.sorted(keys, values))
  }

  /// The line, from 1, of each key of a text; of equal ones of the last.
  package static func lines(in bytes: [UInt8]) -> [String: Int] {
    var lines: [String: Int] = [:]
    // A fault ends it: the lines before are good.
    _ = try? scan(bytes) { key, _, line in lines[key] = line }
    return lines
  }

  private static func scan(
    _ bytes: [UInt8],
    _ take: (_ key: String, _ value: String?, _ line: Int) -> Void
  ) throws(Fault) -> TableKind {
    var isList: Bool?
    /// The line of an IPv6 address that decided that this is a map.
    var address: Int?
    var number = 0
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
      let line = TableContents.trimmed(bytes[start..<end])
      start = end + 1
      number += 1
      guard let first = line.first else { continue }
      if first == UInt8(ascii: "#") {
        if isList == nil, saysList(line) { isList = true }
        continue
      }
      if isList == true {
        take(try key(line, number), nil, number)
        continue
      }
      let keyEnd = TableContents.keyEnd(in: line)
      let value = TableContents.value(in: line[keyEnd...])
      if isList == nil {
        isList = value.isEmpty
        if !value.isEmpty, isAddress(line) { address = number }
      }
      if isList == true {
        take(try key(line, number), nil, number)
        continue
      }
      let key = try TableContents.key(line[..<keyEnd], number)
      guard !value.isEmpty else {
        guard let address else { throw .valueMissing(line: number, key: key) }
        throw .addressTakenForPair(line: number, key: key, address: address)
      }
      guard let text = String(validating: value, as: UTF8.self) else {
        throw .notText(line: number)
      }
      take(key, text, number)
    }
    return isList ?? true ? .list : .map
  }

  /// The entries of an inline list as a file would give them.
  static func list(sorted entries: [String]) -> TableContents {
    .list(sorted(entries.map { $0.lowercased() }))
  }

  /// The entries of an inline map as a file would give them.
  static func map(sorted pairs: [TableDeclaration.Pair]) -> TableContents {
    .map(sorted(pairs.map { $0.key.lowercased() }, pairs.map(\.value)))
  }

  /// The keys, sorted.
  package var keys: [String] {
    switch self {
    case .list(let keys): keys
    case .map(let pairs): pairs.map(\.key)
    }
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = line.drop(while: isBlank)
    while let last = line.last, isBlank(last) { line.removeLast() }
    return line
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || 0x09...0x0d ~= byte
  }

  private static func saysList(_ line: ArraySlice<UInt8>) -> Bool {
    Array(trimmed(line.dropFirst())) == Array("@list".utf8)
  }

  /// Whether all of a line is one IPv6 address or network, of which the first colon ends a key.
  private static func isAddress(_ line: ArraySlice<UInt8>) -> Bool {
    NetworkBlock(parsing: String(decoding: line, as: UTF8.self)) != nil
  }

  /// Whether a map is one because an address has colons: its first pair, as it is read, makes one.
  package var looksLikeAddresses: Bool {
    guard case .map(let pairs) = self else { return false }
    return pairs.contains { NetworkBlock(parsing: "\($0.key):\($0.value)") != nil }
  }

  private static func keyEnd(in line: ArraySlice<UInt8>) -> Int {
    var isBracketed = false
    for (index, byte) in zip(line.indices, line) {
      switch byte {
      case UInt8(ascii: "[") where index == line.startIndex: isBracketed = true
      case UInt8(ascii: "]"): isBracketed = false
      case UInt8(ascii: ":") where !isBracketed: return index
      case _ where isBlank(byte): return index
      default: break
      }
    }
    return line.endIndex
  }

  /// What stands behind the blanks and colons that end a key.
  private static func value(in rest: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = rest.drop(while: isBlank)
    if rest.first == UInt8(ascii: ":") { rest = rest.dropFirst().drop(while: isBlank) }
    return rest
  }

  private static func key(_ bytes: ArraySlice<UInt8>, _ line: Int) throws(Fault) -> String {
    guard bytes.count <= Limits.key else { throw .keyTooLong(line: line) }
    guard let text = String(validating: Pattern.folded(bytes), as: UTF8.self) else {
      throw .notText(line: line)
    }
    return text
  }

  private static func sorted(_ keys: [String]) -> [String] {
    var result: [String] = []
    for key in keys.sorted() where key != result.last { result.append(key) }
    return result
  }

  private static func sorted(_ keys: [String], _ values: [String]) -> [TableDeclaration.Pair] {
    var byKey: [String: String] = [:]
    byKey.reserveCapacity(keys.count)
    for (key, value) in zip(keys, values) { byKey[key] = value }
    return byKey.sorted { $0.key < $1.key }.map {
      TableDeclaration.Pair(key: $0.key, value: $0.value)
    }
  }
}
