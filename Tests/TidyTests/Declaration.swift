// SPDX-License-Identifier: ISC

/// A declaration that the rules look at, read line by line: what the formatter has laid out needs no parser.
struct Declaration {
  enum Kind { case type, function, member }

  let kind: Kind
  let name: String
  let isPackage: Bool
  let isPrivate: Bool
  let isDocumented: Bool
  /// From 1.
  let line: Int
  /// From the first line to the closing brace.
  let length: Int

  /// Witnesses of protocols whose contract stands with the protocol.
  private static let witnesses: Set<String> = [
    "body", "decode", "description", "encode", "encoded", "hash", "init", "subscript",
  ]

  /// A type of more than one file's, or a member of other modules' whose contract is not another
  /// declaration's.
  var needsDocumentation: Bool {
    kind == .type ? !isPrivate : isPackage && !Declaration.witnesses.contains(name)
  }

  /// The declarations of a file, in order.
  static func all(in file: SourceFile) -> [Declaration] {
    file.code.indices.compactMap { index in
      let words = file.code[index].words
      guard let keyword = words.firstIndex(where: { keywords[$0] != nil }),
        words[..<keyword].allSatisfy(modifiers.contains),
        let kind = keywords[words[keyword]]
      else { return nil }
      let name = words[keyword] == "init" ? "init" : words.dropFirst(keyword + 1).first ?? ""
      let isOperator = ["<", "=", "+", "-"].contains { file.code[index].contains("func \($0)") }
      // `class func` and the like name a function; what a keyword of types follows is its name.
      guard keywords[name] == nil || name == "init" else { return nil }
      let isMember = kind == .member
      let isPackage = words[..<keyword].contains("package")
      guard !isOperator, !isMember || isPackage else { return nil }
      return Declaration(
        kind: kind,
        name: name,
        isPackage: isPackage,
        isPrivate: words[..<keyword].contains("private"),
        isDocumented: isDocumented(index, file),
        line: index + 1,
        length: kind == .function ? length(from: index, file) : 1
      )
    }
  }

  private static let keywords: [String: Kind] = [
    "actor": .type, "class": .type, "enum": .type, "protocol": .type, "struct": .type,
    "func": .function, "init": .function,
    "let": .member, "typealias": .member, "var": .member,
  ]

  private static let modifiers: Set<String> = [
    "Sendable", "borrowing", "consuming", "discardableResult", "fileprivate", "final", "indirect",
    "inlinable", "inline", "__always", "lazy", "mutating", "never", "nonisolated", "override",
    "package", "private", "required", "set", "static", "unchecked", "unsafe", "weak",
  ]

  /// Whether the lines above, past attributes, end a doc comment.
  private static func isDocumented(_ index: Int, _ file: SourceFile) -> Bool {
    var above = index - 1
    while above >= 0, file.code[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
    return above >= 0 && file.lines[above].drop(while: { $0 == " " }).hasPrefix("///")
  }

  /// Lines up to the brace that closes the body; 1 when there is no body.
  private static func length(from start: Int, _ file: SourceFile) -> Int {
    let indentation = file.lines[start].indentation
    var braces = 0
    var parentheses = 0
    var hasBody = false
    for index in start..<file.code.count {
      for character in file.code[index] {
        switch character {
        case "(": parentheses += 1
        case ")": parentheses -= 1
        case "{":
          braces += 1
          hasBody = hasBody || parentheses == 0
        case "}": braces -= 1
        default: break
        }
      }
      if hasBody && braces == 0 { return index - start + 1 }
      // A requirement of a protocol: the next line is another declaration.
      let next = index + 1
      guard !hasBody, parentheses == 0, next < file.lines.count else { continue }
      let text = file.code[next].drop { $0 == " " }
      let goesOn = text.hasPrefix("{") || text.hasPrefix("where") || text.hasPrefix("->")
      if !goesOn, file.lines[next].indentation <= indentation { return 1 }
    }
    return file.code.count - start
  }
}
