// SPDX-License-Identifier: ISC

/// A Swift file: its lines as they stand, and as code alone.
struct SourceFile {
  /// From the project's directory.
  let path: String
  let lines: [String]
  /// The same lines with comments and the content of string literals blanked.
  let code: [String]

  init(path: String, text: String) {
    self.path = path
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    self.lines = lines
    var blanking = Blanking()
    code = lines.map { blanking.code(of: $0) }
  }

  /// The name without folder and ending.
  var name: String {
    String((path.split(separator: "/").last ?? "").dropLast(".swift".count))
  }

  /// The module: the folder below `Sources`, or below `Sources/Backends`.
  var module: String {
    let folders = path.split(separator: "/").map(String.init)
    guard folders.count > 2 else { return "" }
    return folders[1] == "Backends" && folders.count > 3 ? "Backends/\(folders[2])" : folders[1]
  }

  /// The modules that the file imports, with their lines from 1.
  var imports: [(module: String, line: Int)] {
    code.enumerated().compactMap { index, line in
      let words = line.words
      guard let keyword = words.firstIndex(of: "import"), keyword <= 2, keyword + 1 < words.count
      else { return nil }
      return (words[keyword + 1], index + 1)
    }
  }

  /// The lines, from 1, whose code has a word.
  func lines(with word: String) -> [Int] {
    code.indices.filter { code[$0].words.contains(word) }.map { $0 + 1 }
  }
}

/// Takes comments and literals out of lines that come in order.
private struct Blanking {
  private var isInLongString = false

  mutating func code(of line: String) -> String {
    let bytes = Array(line.utf8)
    var kept: [UInt8] = []
    var isInString = false
    var index = 0
    while index < bytes.count {
      let isTriple = bytes[index...].prefix(3).elementsEqual([0x22, 0x22, 0x22])
      if isInLongString {
        if isTriple { isInLongString = false }
        index += isTriple ? 3 : 1
      } else if isInString {
        if bytes[index] == UInt8(ascii: "\\") {
          index += 2
          continue
        }
        if bytes[index] == 0x22 { isInString = false }
        index += 1
      } else if isTriple {
        isInLongString = true
        index += 3
      } else if bytes[index] == 0x22 {
        isInString = true
        index += 1
      } else if bytes[index...].starts(with: "//".utf8) {
        break
      } else {
        kept.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: kept, as: UTF8.self)
  }
}

extension String {
  /// The words of a line of code: letters, digits and underscores.
  var words: [String] {
    split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
  }

  /// How many spaces it begins with.
  var indentation: Int { prefix { $0 == " " }.count }
}
