// SPDX-License-Identifier: ISC

extension Reply {
  /// A reply whose text is the status's meaning, a colon and `detail`.
  package init(_ code: UInt16, describing status: EnhancedStatus, _ detail: String) {
    self.init(code: code, status: status, lines: ["\(status.meaning): \(detail)"])
  }

  /// The same code and status, with another text on each line.
  package func mapText(_ transform: (String) -> String) -> Reply {
    Reply(code: code, status: status, lines: lines.map(transform))
  }

  /// Appends the reply as it stands on the wire, each line ended by CRLF.
  ///
  /// Control characters of the text, whoever put them there, become blanks: a reply is never
  /// more lines than `lines` has.
  package func append(to bytes: inout [UInt8]) {
    for (index, line) in lines.enumerated() {
      appendCode(to: &bytes, separator: index + 1 == lines.count ? 0x20 : 0x2d)
      if let status {
        appendStatus(status, to: &bytes)
        bytes.append(0x20)
      }
      Reply.appendText(line, to: &bytes)
      bytes.append(0x0d)
      bytes.append(0x0a)
    }
  }

  /// The reply as it stands on the wire.
  package var wireBytes: [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  private func appendCode(to bytes: inout [UInt8], separator: UInt8) {
    bytes.append(0x30 + UInt8(code / 100))
    bytes.append(0x30 + UInt8(code / 10 % 10))
    bytes.append(0x30 + UInt8(code % 10))
    bytes.append(separator)
  }

  private func appendStatus(_ status: EnhancedStatus, to bytes: inout [UInt8]) {
    bytes.append(0x30 + status.class.rawValue)
    for number in [status.subject, status.detail] {
      bytes.append(UInt8(ascii: "."))
      if number >= 100 { bytes.append(0x30 + UInt8(number / 100)) }
      if number >= 10 { bytes.append(0x30 + UInt8(number / 10 % 10)) }
      bytes.append(0x30 + UInt8(number % 10))
    }
  }

  private static func appendText(_ text: String, to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    for index in start..<bytes.count where bytes[index] < 0x20 || bytes[index] == 0x7f {
      bytes[index] = 0x20
    }
  }
}

extension Reply: CustomStringConvertible {
  /// `code status text`, the lines of a longer reply joined by blanks: the form of log lines.
  package var description: String {
    let text = lines.joined(separator: " ")
    return if let status { "\(code) \(status) \(text)" } else { "\(code) \(text)" }
  }
}
