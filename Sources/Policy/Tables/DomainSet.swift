// SPDX-License-Identifier: ISC

/// A table of domains, made ready for one question: is this name among them?
///
/// Entries without `*` are found by hash; only the others are scanned.
struct DomainSet: Sendable {
  private var names: Set<String> = []
  private var patterns: [[UInt8]] = []

  init(_ entries: some Sequence<String>) {
    for entry in entries { insert(entry) }
  }

  private mutating func insert(_ entry: String) {
    let entry = entry.asciiLowercased
    if entry.utf8.contains(UInt8(ascii: "*")) {
      patterns.append(Array(entry.utf8))
    } else {
      names.insert(entry)
    }
  }

  /// `name` is lower case.
  func contains(_ name: String) -> Bool {
    names.contains(name)
      || patterns.contains { DomainPattern.matches(name.utf8, pattern: $0) }
  }
}
