// SPDX-License-Identifier: ISC

/// A text with `%{…}` in it: the path of a maildir, or the command of an `mda` action.
///
/// Parsed when the configuration is read, so that no token is unknown when mail arrives.
package struct Format: Hashable, Sendable {
  /// What the result is used as; it decides which characters a value from the network may bring.
  package enum Purpose: UInt8, Sendable {
    case path = 0
    case command = 1
  }

  /// What may stand between `%{` and `}`.
  package enum Token: String, CaseIterable, Sendable {
    case sender = "sender"
    case senderUser = "sender.user"
    case senderDomain = "sender.domain"
    case recipient = "rcpt"
    case recipientUser = "rcpt.user"
    case recipientDomain = "rcpt.domain"
    case destination = "dest"
    case destinationUser = "dest.user"
    case destinationDomain = "dest.domain"
    case userName = "user.username"
    case userDirectory = "user.directory"
    case mailboxFrom = "mbox.from"
    /// Only in a wrapper.
    case command = "mda"
  }

  /// What is done to a value.
  package struct Modifiers: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let lowercase = Modifiers(rawValue: 1)
    package static let uppercase = Modifiers(rawValue: 2)
    /// Drops the sub-address.
    package static let strip = Modifiers(rawValue: 4)
    /// Replaces no characters.
    package static let raw = Modifiers(rawValue: 8)
  }

  /// A part of a value: both ends belong to it, and a negative one counts from the end.
  package struct Slice: Hashable, Sendable {
    package var first: Int
    /// Nil is the last character.
    package var last: Int?
  }

  package enum Piece: Hashable, Sendable {
    case text(String)
    /// A leading `~/`.
    case home
    case value(Token, Modifiers, Slice?)
  }

  /// Why a text is no format, or has no result.
  package enum Fault: Error, Hashable, Sendable {
    case unclosed
    case tokenTooLong(Int)
    case unknownToken(String)
    case unknownModifier(String)
    case slice(String)
    /// The slice lies outside of the value.
    case outOfRange(Token)
    /// The token has no value here.
    case noValue(Token)
    case resultTooLong
    /// A value would lead a path to another directory.
    case unsafePath
    /// A value from the network would be the name of the program that runs, or a part of it.
    case program(Token)
  }

  /// What bounds formats.
  package enum Limits {
    /// Bytes between the braces.
    package static let token = 128
    /// Bytes of a result.
    package static let result = 1024
  }

  package let text: String
  package let purpose: Purpose
  package let pieces: [Piece]

  package init(parsing text: String, for purpose: Purpose) throws(Fault) {
    self.text = text
    self.purpose = purpose
    var pieces: [Piece] = []
    var rest = Substring(text)
    if rest.hasPrefix("~/") {
      pieces.append(.home)
      rest = rest.dropFirst()
    }
    var literal = ""
    while let character = rest.popFirst() {
      guard character == "%", let next = rest.first, next == "%" || next == "{" else {
        literal.append(character)
        continue
      }
      rest.removeFirst()
      if next == "%" {
        literal.append("%")
        continue
      }
      guard let close = rest.firstIndex(of: "}") else { throw .unclosed }
      if !literal.isEmpty { pieces.append(.text(literal)) }
      literal = ""
      pieces.append(try Format.value(rest[..<close]))
      rest = rest[rest.index(after: close)...]
    }
    if !literal.isEmpty { pieces.append(.text(literal)) }
    if purpose == .command, let token = ProgramSearch.value(in: pieces) { throw .program(token) }
    self.pieces = pieces
  }

  /// `token`, `token[slice]`, `token:modifiers` or `token[slice]:modifiers`.
  private static func value(_ text: Substring) throws(Fault) -> Piece {
    guard text.utf8.count <= Limits.token else { throw .tokenTooLong(text.utf8.count) }
    var name = text
    var modifiers: Modifiers = []
    var slice: Slice?
    let open = text.firstIndex(of: "[")
    let close = text.firstIndex(of: "]")
    let colon = text[(close ?? text.startIndex)...].firstIndex(of: ":")
    if let colon {
      name = text[..<colon]
      modifiers = try Format.modifiers(text[text.index(after: colon)...])
    }
    if let open {
      guard let close, open < close, text.index(after: close) == (colon ?? text.endIndex) else {
        throw .slice(String(text))
      }
      name = text[..<open]
      slice = try Format.slice(text[text.index(after: open)..<close])
    }
    guard let token = Token(rawValue: name.lowercased()) else {
      throw .unknownToken(String(name))
    }
    return .value(token, modifiers, slice)
  }

  private static func modifiers(_ text: Substring) throws(Fault) -> Modifiers {
    var result: Modifiers = []
    for word in text.split(separator: "|", omittingEmptySubsequences: false) {
      switch word.lowercased() {
      case "lowercase": result.insert(.lowercase)
      case "uppercase": result.insert(.uppercase)
      case "strip": result.insert(.strip)
      case "raw": result.insert(.raw)
      default: throw .unknownModifier(String(word))
      }
    }
    return result
  }

  private static func slice(_ text: Substring) throws(Fault) -> Slice {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard 1...2 ~= parts.count else { throw .slice(String(text)) }
    let bounds = try parts.map { part throws(Fault) -> Int? in
      if part.isEmpty, parts.count == 2 { return nil }
      guard let number = Int(part), abs(number) <= Limits.result else {
        throw .slice(String(text))
      }
      return number
    }
    let first = bounds[0] ?? 0
    return bounds.count == 1
      ? Slice(first: first, last: first) : Slice(first: first, last: bounds[1])
  }
}
