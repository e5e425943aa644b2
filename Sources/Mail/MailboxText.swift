// SPDX-License-Identifier: ISC

/// A message as it stands in a mailbox of the mbox format: the line that divides it from the one before,
/// the message with a `>` before each line that begins with `From `, in lines that all end, and an empty
/// line. Takes the message in pieces. Pure.
package struct MailboxText {
  private static let divider = Array("From ".utf8)

  /// How many bytes of the divider the line began with; they were not passed on yet. Nil when it is
  /// known whether the line begins with it.
  private var matched: Int? = 0

  /// For one message.
  package init() {}

  /// The first line. A null sender is MAILER-DAEMON; blanks, which would end the sender's field, and
  /// control characters become `-`.
  ///
  /// - Parameter date: as asctime(3) writes it, without its line end.
  package static func firstLine(sender: String, date: String) -> [UInt8] {
    let name = sender.isEmpty ? "MAILER-DAEMON" : sender
    let clean = name.utf8.map { $0 <= 0x20 || $0 == 0x7f ? UInt8(ascii: "-") : $0 }
    return divider + clean + [0x20] + Array(date.utf8) + [0x0a]
  }

  /// The next piece of the message, quoted.
  package mutating func quote(_ piece: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(piece.count + piece.count / 64 + Self.divider.count)
    var rest = piece[...]
    while let first = rest.first {
      guard let length = matched else {
        let end = rest.firstIndex(of: 0x0a)
        text += rest[...(end ?? rest.endIndex - 1)]
        rest = rest[(end.map { $0 + 1 } ?? rest.endIndex)...]
        if end != nil { matched = 0 }
        continue
      }
      guard first == Self.divider[length] else {
        text += Self.divider[..<length]
        matched = nil
        continue
      }
      rest = rest.dropFirst()
      matched = length + 1
      guard length + 1 == Self.divider.count else { continue }
      text.append(UInt8(ascii: ">"))
      text += Self.divider
      matched = nil
    }
    return text
  }

  /// What ends the message.
  package mutating func end() -> [UInt8] {
    defer { matched = 0 }
    return matched == 0 ? [0x0a] : Self.divider[..<(matched ?? 0)] + [0x0a, 0x0a]
  }
}
