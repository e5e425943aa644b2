// SPDX-License-Identifier: ISC

/// Text of a peer or a command on its way into records and log lines.
package enum DeliveryText {
  /// Bytes of an outcome's text.
  package static let bytesMax = 512

  /// `text` in printable ASCII: anything else becomes `?`, runs of blanks one blank; cut at `bytesMax`.
  package static func sanitized(_ bytes: some Sequence<UInt8>) -> String {
    var clean: [UInt8] = []
    for byte in bytes {
      guard clean.count < bytesMax else { break }
      switch byte {
      case 0x09, 0x20:
        if let last = clean.last, last != 0x20 { clean.append(0x20) }
      case 0x21...0x7e: clean.append(byte)
      case 0x0a, 0x0d: break
      default: clean.append(UInt8(ascii: "?"))
      }
    }
    while clean.last == 0x20 { clean.removeLast() }
    return String(decoding: clean, as: UTF8.self)
  }

  package static func sanitized(_ text: String) -> String { sanitized(text.utf8) }
}
