// SPDX-License-Identifier: ISC

internal import Configuration

/// The text that makemap(8) makes a map of: a key a line, and but in a set its value.
///
/// Lines are trimmed; empty ones and those that begin with `#` are skipped; a line that begins with a
/// blank goes on the one before. A key ends at a blank, a tab or a colon; in brackets it may hold colons.
package struct MapText: Sendable {
  /// One mistake.
  package struct Fault: Error, Hashable, Sendable {
    /// Counted from 1.
    package let line: Int
    /// What is wrong.
    package let text: String
  }

  /// A key in lower case with its value, which a set leaves empty.
  package struct Entry: Hashable, Sendable {
    /// In lower case.
    package let key: String
    /// Empty in a set.
    package let value: String
  }

  /// In the order of the keys' bytes.
  package private(set) var entries: [Entry] = []
  /// All mistakes; with one, there is no map.
  package private(set) var faults: [Fault] = []

  package init(parsing bytes: [UInt8], as kind: MapFile.Kind) {
    var found: [String: String] = [:]
    for (number, line) in MapText.lines(of: bytes) {
      do throws(Fault) {
        let entry = try MapText.entry(line, number, kind)
        guard found.updateValue(entry.value, forKey: entry.key) == nil else {
          throw Fault(line: number, text: "\(entry.key) is there already")
        }
      } catch {
        faults.append(error)
      }
    }
    entries = found.map { Entry(key: $0.key, value: $0.value) }
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }

  /// Each with the number of its first line.
  private static func lines(of bytes: [UInt8]) -> [(Int, [UInt8])] {
    var lines: [(Int, [UInt8])] = []
    var number = 0
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      let content = ExpansionNode.trimmed(line)
      guard let first = content.first, first != UInt8(ascii: "#") else { continue }
      if line.first == 0x20 || line.first == 0x09, !lines.isEmpty {
        lines[lines.count - 1].1 += [0x20] + content
      } else {
        lines.append((number, Array(content)))
      }
    }
    return lines
  }

  private static func entry(
    _ line: [UInt8],
    _ number: Int,
    _ kind: MapFile.Kind
  ) throws(Fault) -> Entry {
    let end = kind == .set ? line.count : keyEnd(in: line)
    let keyBytes =
      kind == .set ? Pattern.folded(line) : line[..<end].map(DomainPattern.lowercase)
    guard 1...MapFile.Limits.key ~= keyBytes.count else {
      throw Fault(line: number, text: "a key has 1 to \(MapFile.Limits.key) bytes")
    }
    var rest = ExpansionNode.trimmed(line[end...])
    if rest.first == UInt8(ascii: ":") { rest = ExpansionNode.trimmed(rest.dropFirst()) }
    guard let key = String(validating: keyBytes, as: UTF8.self),
      let value = String(validating: rest, as: UTF8.self)
    else { throw Fault(line: number, text: "not UTF-8") }
    guard kind != .set else {
      guard !keyBytes.contains(where: { $0 == 0x20 || $0 == 0x09 }) else {
        throw Fault(line: number, text: "more than one word")
      }
      return Entry(key: key, value: "")
    }
    guard !value.isEmpty else { throw Fault(line: number, text: "\(key) has no value") }
    guard value.utf8.count <= MapFile.Limits.value else {
      throw Fault(line: number, text: "\(key) has a value that is too long")
    }
    guard kind == .aliases else { return Entry(key: key, value: value) }
    if let reason = TableValue.fault(of: value, for: .alias) {
      throw Fault(line: number, text: "\(key): \(reason)")
    }
    return Entry(key: key, value: value)
  }

  private static func keyEnd(in line: [UInt8]) -> Int {
    var isBracketed = false
    for (index, byte) in line.enumerated() {
      switch byte {
      case UInt8(ascii: "[") where index == 0: isBracketed = true
      case UInt8(ascii: "]"): isBracketed = false
      case UInt8(ascii: ":") where !isBracketed: return index
      case 0x20, 0x09: return index
      default: break
      }
    }
    return line.count
  }
}
