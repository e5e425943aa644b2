// SPDX-License-Identifier: ISC

/// A message as it stands in a mailbox of the mbox format: the line that divides it from the one before,
/// the message with its own such lines quoted, an empty line. Pure.
enum MailboxText {
  private static let divider = Array("From ".utf8)

  /// The first line. A null sender is MAILER-DAEMON; blanks, which would end the sender's field, and
  /// control characters become `-`.
  ///
  /// - Parameter date: as asctime(3) writes it, without its line end.
  static func firstLine(sender: String, date: String) -> [UInt8] {
    let name = sender.isEmpty ? "MAILER-DAEMON" : sender
    let clean = name.utf8.map { $0 <= 0x20 || $0 == 0x7f ? UInt8(ascii: "-") : $0 }
    return divider + clean + [0x20] + Array(date.utf8) + [0x0a]
  }

  /// The whole text, with a `>` before each line that begins with `From `, in lines that all end.
  static func entry(_ message: [UInt8], sender: String, date: String) -> [UInt8] {
    var text = firstLine(sender: sender, date: date)
    text.reserveCapacity(text.count + message.count + message.count / 64 + 2)
    var start = message.startIndex
    while start < message.endIndex {
      let end = message[start...].firstIndex(of: 0x0a).map { $0 + 1 } ?? message.endIndex
      if message[start..<end].starts(with: divider) { text.append(UInt8(ascii: ">")) }
      text += message[start..<end]
      start = end
    }
    if message.last != 0x0a { text.append(0x0a) }
    text.append(0x0a)
    return text
  }
}
