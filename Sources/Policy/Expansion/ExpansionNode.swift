// SPDX-License-Identifier: ISC

package import Mail

/// One entry of an alias, of a `~/.forward`, or of an included list: aliases(5), forward(5).
package enum ExpansionNode: Hashable, Sendable {
  /// `error:` refuses the recipient; the code is 400 to 599.
  case error(code: UInt16, text: String)
  /// `:include:` names a list; the path is absolute.
  case include(String)
  /// `|`, without it.
  case command(String)
  /// An absolute path.
  case file(String)
  case address(Address)
  /// A name as it was written, with its sub-address.
  case user(String)

  var isList: Bool { if case .include = self { true } else { false } }
}

extension ExpansionNode {
  /// What `text` means, without blanks around it; nil when it means nothing.
  ///
  /// The kinds are tried in the order of the cases. Quotes may enclose all of it, or what follows the
  /// mark of a command or an error.
  init?(reading text: ArraySlice<UInt8>) {
    let whole = ExpansionNode.unquoted(text)
    guard whole.count <= ExpansionLimits.node, !whole.contains(where: { $0 < 0x20 && $0 != 0x09 })
    else { return nil }
    if let rest = ExpansionNode.rest(of: whole, behind: "error:") {
      guard let node = ExpansionNode.error(in: ExpansionNode.unquoted(rest)) else { return nil }
      self = node
    } else if let rest = ExpansionNode.rest(of: whole, behind: ":include:") {
      let path = ExpansionNode.unquoted(rest)
      guard path.first == UInt8(ascii: "/") else { return nil }
      guard let text = String(validating: path, as: UTF8.self) else { return nil }
      self = .include(text)
    } else if whole.first == UInt8(ascii: "|") {
      let command = ExpansionNode.unquoted(ExpansionNode.trimmed(whole.dropFirst()))
      guard !command.isEmpty, let text = String(validating: command, as: UTF8.self) else {
        return nil
      }
      self = .command(text)
    } else {
      guard let text = String(validating: whole, as: UTF8.self) else { return nil }
      if whole.first == UInt8(ascii: "/") {
        self = .file(text)
      } else if whole.contains(UInt8(ascii: "@")) {
        guard let address = try? Address(parsing: text) else { return nil }
        self = .address(address)
      } else if ExpansionNode.isUserName(whole) {
        self = .user(text)
      } else {
        return nil
      }
    }
  }

  /// `4xx text` or `5xx text`; quotes may enclose the text.
  private static func error(in text: ArraySlice<UInt8>) -> ExpansionNode? {
    let digits = text.prefix(3)
    guard digits.count == 3, let number = UInt16(String(decoding: digits, as: UTF8.self)),
      400...599 ~= number, text.dropFirst(3).first.map({ $0 == 0x20 || $0 == 0x09 }) ?? false
    else { return nil }
    let message = unquoted(trimmed(text.dropFirst(3)))
    guard !message.isEmpty, let words = String(validating: message, as: UTF8.self) else {
      return nil
    }
    return .error(code: number, text: words)
  }

  private static func rest(
    of text: ArraySlice<UInt8>,
    behind mark: StaticString
  ) -> ArraySlice<UInt8>? {
    let mark = mark.description.utf8
    guard text.count >= mark.count,
      zip(text, mark).allSatisfy({ DomainPattern.lowercase($0) == $1 })
    else { return nil }
    return trimmed(text.dropFirst(mark.count))
  }

  /// Without the quotes, when one pair encloses all of it.
  private static func unquoted(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard let quote = text.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
      text.count >= 2, text.last == quote
    else { return text }
    // Two quoted words are not one; but a quoted command may have had escaped quotes in it.
    guard
      !text.dropFirst().dropLast().contains(quote)
        || text.dropFirst().first == UInt8(ascii: "|")
    else { return text }
    return trimmed(text.dropFirst().dropLast())
  }

  static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0d ~= byte }

  private static func isUserName(_ text: ArraySlice<UInt8>) -> Bool {
    !text.isEmpty
      && text.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"): true
        default: false
        }
      }
  }
}
