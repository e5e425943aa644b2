// SPDX-License-Identifier: ISC

/// One entry's lines of the text that a map is made of.
///
/// A `#` begins a comment at the start of a line or behind a blank, where no backslash stands before it: within a
/// word it is a part of it, as in passwords. A backslash at the end of a line takes the next one along. A line that begins with a blank, and has no
/// key and value of its own, goes on the one before.
struct MapLine: Equatable {
  /// Of the first of its lines, counted from 1.
  let number: Int
  /// Without comments and the blanks around it; not empty.
  private(set) var content: [UInt8]
  /// Something behind a `#` is left out.
  private(set) var hasComment: Bool

  /// - Parameter kind: in a set every line has a key of its own.
  static func lines(of text: [UInt8], _ kind: MapFile.Kind) -> [MapLine] {
    var lines: [MapLine] = []
    var open: MapLine?
    var number = 0
    for raw in text.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      var line = open ?? MapLine(number: number, content: [], hasComment: false)
      open = nil
      if line.append(raw) == .goesOn { open = line } else { take(line, to: &lines, kind) }
    }
    if let open { take(open, to: &lines, kind) }
    return lines
  }

  private static func take(_ line: MapLine, to lines: inout [MapLine], _ kind: MapFile.Kind) {
    let content = Array(ExpansionNode.trimmed(line.content[...]))
    guard !content.isEmpty else { return }
    let isIndented = line.content.first == 0x20 || line.content.first == 0x09
    if isIndented, kind != .set, !lines.isEmpty, !hasPair(content) {
      lines[lines.count - 1].content += [0x20] + content
      if line.hasComment { lines[lines.count - 1].hasComment = true }
    } else {
      lines.append(MapLine(number: line.number, content: content, hasComment: line.hasComment))
    }
  }

  private enum Ending {
    case goesOn
    case ended
  }

  /// Adds what a line of the file says, whether or not it is the first.
  private mutating func append(_ raw: ArraySlice<UInt8>) -> Ending {
    var isEscaped = false
    var isWithin = false
    for byte in raw.last == 0x0d ? raw.dropLast() : raw {
      if byte == UInt8(ascii: "#") {
        if isEscaped {
          content.removeLast()
        } else if !isWithin {
          hasComment = true
          return .ended
        }
      }
      isWithin = byte != 0x20 && byte != 0x09
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      content.append(byte)
    }
    guard isEscaped else { return .ended }
    content.removeLast()
    return .goesOn
  }

  /// Whether a line begins with a key that has a value, and not with an entry of a list.
  private static func hasPair(_ content: [UInt8]) -> Bool {
    let key = content[..<keyEnd(in: content)]
    let rest = value(in: content[key.endIndex...])
    guard let first = key.first, let next = rest.first, next != UInt8(ascii: ",") else {
      return false
    }
    let isEntry =
      [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "|")].contains(first)
      || key.contains(UInt8(ascii: ","))
      || key.map(DomainPattern.lowercase).elementsEqual("error".utf8)
    return !isEntry
  }

  /// Where the key ends that a line begins with: at a blank, a tab or a colon, which brackets may hold: an
  /// address, or that of a mailbox.
  static func keyEnd(in line: [UInt8]) -> Int {
    var isBracketed = false
    for (index, byte) in line.enumerated() {
      switch byte {
      case UInt8(ascii: "[") where index == 0 || line[index - 1] == UInt8(ascii: "@"):
        isBracketed = true
      case UInt8(ascii: "]"): isBracketed = false
      case UInt8(ascii: ":") where !isBracketed: return index
      case 0x20, 0x09: return index
      default: break
      }
    }
    return line.count
  }

  /// What stands behind the blanks and the colon that end a key.
  static func value(in rest: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let rest = ExpansionNode.trimmed(rest)
    guard rest.first == UInt8(ascii: ":") else { return rest }
    return ExpansionNode.trimmed(rest.dropFirst())
  }
}
