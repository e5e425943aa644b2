// SPDX-License-Identifier: ISC

internal import Configuration

/// The text that makemap(8) makes a map of: a key a line, and but in a set its value.
///
/// Lines are read as `MapLine` says. A key ends at a blank, a tab or a colon; in brackets it may hold
/// colons.
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
    for line in MapLine.lines(of: bytes, kind) {
      do throws(Fault) {
        let entry = try MapText.entry(line, kind)
        guard found.updateValue(entry.value, forKey: entry.key) == nil else {
          throw Fault(line: line.number, text: "\(entry.key) is there already")
        }
      } catch {
        faults.append(error)
      }
    }
    entries = found.map { Entry(key: $0.key, value: $0.value) }
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }

  private static func entry(
    _ whole: MapLine,
    _ kind: MapFile.Kind
  ) throws(Fault) -> Entry {
    let number = whole.number
    let line = whole.content
    let end = kind == .set ? line.count : MapLine.keyEnd(in: line)
    let keyBytes =
      kind == .set ? Pattern.folded(line) : line[..<end].map(DomainPattern.lowercase)
    guard 1...MapFile.Limits.key ~= keyBytes.count else {
      throw Fault(line: number, text: "a key has 1 to \(MapFile.Limits.key) bytes")
    }
    let rest = MapLine.value(in: line[end...])
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
      let hint = whole.hasComment ? "; what stands behind # is a comment, \\# is none" : ""
      throw Fault(line: number, text: "\(key): \(reason)\(hint)")
    }
    return Entry(key: key, value: value)
  }
}
