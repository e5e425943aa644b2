// SPDX-License-Identifier: ISC

/// A message as a program writes it, taken apart: its fields and its body, lines ended by LF.
package struct MessageFields: Equatable, Sendable {
  /// A field with its continuations.
  package struct Field: Equatable, Sendable {
    /// In lower case.
    package let name: String
    /// All of it, ended by LF, without NUL and without a CR.
    package var bytes: [UInt8]

    /// What stands behind the colon.
    package var value: ArraySlice<UInt8> {
      bytes[((bytes.firstIndex(of: UInt8(ascii: ":")) ?? -1) + 1)...]
    }
  }

  /// In their order.
  package private(set) var fields: [Field] = []
  package let body: ArraySlice<UInt8>

  /// - Parameter input: lines may end in CRLF; a line `From …` in front is dropped. What begins with no
  ///   field is all body.
  package init(parsing input: [UInt8]) {
    let text = MessageFields.withoutReturns(input)
    var start = text.startIndex
    for mark in ["From ", ">From "] where text[start...].starts(with: mark.utf8) {
      start = (text.firstIndex(of: 0x0a) ?? text.endIndex - 1) + 1
    }
    var fields: [Field] = []
    while start < text.endIndex {
      let end = text[start...].firstIndex(of: 0x0a).map { $0 + 1 } ?? text.endIndex
      let line = text[start..<end]
      if line.first == 0x0a {
        start = end
        break
      }
      if line.first == 0x20 || line.first == 0x09 {
        guard !fields.isEmpty else { break }
        fields[fields.count - 1].bytes += MessageFields.clean(line)
      } else if let name = MessageFields.name(of: line) {
        fields.append(Field(name: name, bytes: MessageFields.clean(line)))
      } else {
        break
      }
      start = end
    }
    self.fields = fields
    body = text[start...]
  }

  /// Whether there is a field of this name, in lower case.
  package func has(_ name: String) -> Bool { fields.contains { $0.name == name } }

  /// The fields of these names, in order.
  package func named(_ names: String...) -> [Field] {
    fields.filter { names.contains($0.name) }
  }

  /// Takes the fields of these names out.
  package mutating func remove(_ names: String...) {
    fields.removeAll { names.contains($0.name) }
  }

  /// A CR before an LF goes; one that stands alone stays.
  private static func withoutReturns(_ input: [UInt8]) -> [UInt8] {
    guard input.contains(0x0d) else { return input }
    var text: [UInt8] = []
    text.reserveCapacity(input.count)
    for (index, byte) in input.enumerated() {
      let isEnd = byte == 0x0d && index + 1 < input.count && input[index + 1] == 0x0a
      if !isEnd { text.append(byte) }
    }
    return text
  }

  /// What a reader could take for a line end, or for the end of everything, becomes a blank.
  private static func clean(_ line: ArraySlice<UInt8>) -> [UInt8] {
    var bytes = line.map { $0 == 0x0d || $0 == 0 ? 0x20 : $0 }
    if bytes.last != 0x0a { bytes.append(0x0a) }
    return bytes
  }

  /// The name in lower case; nil when the line is no field.
  private static func name(of line: ArraySlice<UInt8>) -> String? {
    let name = line.prefix { 0x21...0x7e ~= $0 && $0 != UInt8(ascii: ":") }
    let rest = line[name.endIndex...].drop { $0 == 0x20 || $0 == 0x09 }
    guard !name.isEmpty, rest.first == UInt8(ascii: ":") else { return nil }
    return String(decoding: name, as: UTF8.self).lowercased()
  }
}
