// SPDX-License-Identifier: ISC

package import Mail

/// What the tokens of a format stand for in one delivery.
package struct FormatValues: Sendable {
  /// Nil is the null sender.
  package var sender: Address?
  /// The recipient as the client named it.
  package var recipient: Address
  /// The recipient after expansion.
  package var destination: Address
  package var userName: String
  package var userDirectory: String
  /// The command that a wrapper wraps.
  package var command: String?
  package var subaddressDelimiter: UInt8

  package init(
    sender: Address?,
    recipient: Address,
    destination: Address,
    userName: String,
    userDirectory: String,
    command: String? = nil,
    subaddressDelimiter: UInt8 = UInt8(ascii: "+")
  ) {
    self.sender = sender
    self.recipient = recipient
    self.destination = destination
    self.userName = userName
    self.userDirectory = userDirectory
    self.command = command
    self.subaddressDelimiter = subaddressDelimiter
  }

  /// The value of a token; nil when it has none here.
  fileprivate func value(of token: Format.Token) -> String? {
    switch token {
    case .sender: sender.map(text) ?? ""
    case .senderUser: sender?.local ?? ""
    case .senderDomain: sender?.domain ?? ""
    case .recipient: text(recipient)
    case .recipientUser: recipient.local
    case .recipientDomain: recipient.domain
    case .destination: text(destination)
    case .destinationUser: destination.local
    case .destinationDomain: destination.domain
    case .userName: userName
    case .userDirectory: userDirectory
    case .mailboxFrom: sender.map(text) ?? "MAILER-DAEMON"
    case .command: command
    }
  }

  private func text(_ address: Address) -> String { "\(address.local)@\(address.domain)" }

  /// `text` without a sub-address in its local part.
  fileprivate func stripped(_ text: String) -> String {
    let bytes = text.utf8
    let end = bytes.lastIndex(of: 0x40) ?? bytes.endIndex
    guard let cut = bytes[..<end].firstIndex(of: subaddressDelimiter) else { return text }
    return String(text[..<cut]) + String(text[end...])
  }
}

extension Format {
  /// The text with its tokens replaced; throws rather than cut anything off.
  ///
  /// Values from the network keep no character that a shell or a path gives a meaning to: each
  /// becomes `:`. In a path `raw` keeps all but `/`; in a command it keeps none of them, for no
  /// quoting is safe everywhere. The command finds the true values in its environment.
  package func expand(with values: FormatValues) throws(Fault) -> String {
    var result = ""
    for piece in pieces {
      switch piece {
      case .text(let text): result += text
      case .home: result += values.userDirectory
      case .value(let token, let modifiers, let slice):
        result += try value(of: token, modifiers, slice, values)
      }
      guard result.utf8.count <= Limits.result else { throw .resultTooLong }
    }
    guard result.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
      throw .unsafePath
    }
    if purpose == .path, !text.contains(".."), result.split(separator: "/").contains("..") {
      throw .unsafePath
    }
    return result
  }

  /// What a format becomes, with the values kept apart from what the configuration wrote: for those who
  /// must not read a value as anything else.
  package enum Part: Hashable, Sendable {
    case text(String)
    case value(String)
    /// The place of the wrapped command.
    case command
  }

  /// The parts of the result; the same values as those of `expand`, bounded alike.
  package func parts(with values: FormatValues) throws(Fault) -> [Part] {
    var length = 0
    var parts: [Part] = []
    for piece in pieces {
      let part: Part =
        switch piece {
        case .text(let text): .text(text)
        case .home: .value(values.userDirectory)
        case .value(.command, _, _): .command
        case .value(let token, let modifiers, let slice):
          .value(try value(of: token, modifiers, slice, values))
        }
      switch part {
      case .text(let text), .value(let text): length += text.utf8.count
      case .command: break
      }
      guard length <= Limits.result else { throw .resultTooLong }
      if case .value(let text) = part, text.unicodeScalars.contains(where: \.isControl) {
        throw .unsafePath
      }
      parts.append(part)
    }
    return parts
  }

  private func value(
    of token: Token,
    _ modifiers: Modifiers,
    _ slice: Slice?,
    _ values: FormatValues
  ) throws(Fault) -> String {
    guard var value = values.value(of: token) else { throw .noValue(token) }
    if modifiers.contains(.strip) { value = values.stripped(value) }
    if modifiers.contains(.lowercase) { value = value.lowercased() }
    if modifiers.contains(.uppercase) { value = value.uppercased() }
    if token != .userDirectory, token != .command {
      value = harmless(value, modifiers)
    }
    guard let slice else { return value }
    let scalars = Array(value.unicodeScalars)
    let first = slice.first < 0 ? scalars.count + slice.first : slice.first
    let last = slice.last.map { $0 < 0 ? scalars.count + $0 : $0 } ?? scalars.count - 1
    guard first >= 0, first <= last, last < scalars.count else { throw .outOfRange(token) }
    var part = String.UnicodeScalarView()
    part.append(contentsOf: scalars[first...last])
    return String(part)
  }

  private func harmless(_ value: String, _ modifiers: Modifiers) -> String {
    let keepsPunctuation = modifiers.contains(.raw) && purpose == .path
    var result = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      let isKept =
        switch scalar {
        case "/": purpose == .command
        case "\0"..<" ", "\u{7f}": false
        case "!", "#", "$", "%", "&", "'", "*", "?", "`", "{", "|", "}", "~": keepsPunctuation
        case " ", "\"", "(", ")", ";", "<", ">", "\\", "[", "]", "^": keepsPunctuation
        default: true
        }
      result.append(isKept ? scalar : ":")
    }
    return String(result)
  }
}

extension Unicode.Scalar {
  fileprivate var isControl: Bool { value < 0x20 || value == 0x7f }
}
