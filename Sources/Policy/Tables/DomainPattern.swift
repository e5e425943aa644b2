// SPDX-License-Identifier: ISC

/// The comparison of host names with entries that may hold `*`.
enum DomainPattern {
  /// Whether `name` fits `pattern`; ASCII case does not count.
  ///
  /// `*` skips to the first occurrence of the character behind it and never tries a later one, as
  /// OpenSMTPD does: `*.example.org` fits `a.example.org` and not `a.b.example.org`.
  static func matches(_ name: some Collection<UInt8>, pattern: some Collection<UInt8>) -> Bool {
    var name = name[...]
    var pattern = pattern[...]
    while let expected = pattern.first, let found = name.first {
      if expected == UInt8(ascii: "*") {
        pattern = pattern.drop { $0 == UInt8(ascii: "*") }
        guard let stop = pattern.first else { return true }
        name = name.drop { lowercase($0) != lowercase(stop) }
        continue
      }
      guard lowercase(expected) == lowercase(found) else { return false }
      pattern = pattern.dropFirst()
      name = name.dropFirst()
    }
    return name.isEmpty && pattern.isEmpty
  }

  static func lowercase(_ byte: UInt8) -> UInt8 {
    0x41...0x5a ~= byte ? byte | 0x20 : byte
  }
}

extension String {
  /// ASCII letters in lower case, everything else as it is.
  var asciiLowercased: String {
    guard utf8.contains(where: { 0x41...0x5a ~= $0 }) else { return self }
    return String(decoding: utf8.map(DomainPattern.lowercase), as: UTF8.self)
  }
}
