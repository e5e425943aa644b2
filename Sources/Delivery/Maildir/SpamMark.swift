// SPDX-License-Identifier: ISC

/// Looks for `X-Spam: yes` or `X-Spam-Flag: yes` in a header section as it comes in. Pure.
struct SpamMark {
  private enum State {
    case header
    case body
  }

  private static let fields = [Array("x-spam:yes".utf8), Array("x-spam-flag:yes".utf8)]

  private(set) var isSpam = false
  private var state = State.header
  /// The line without blanks, in lower case; only its beginning matters.
  private var line: [UInt8] = []
  private var isLineEmpty = true

  mutating func read(_ bytes: some Sequence<UInt8>) {
    guard state == .header else { return }
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\n"):
        endLine()
        if state == .body { return }
      case UInt8(ascii: "\r"): break
      case 0x20, 0x09: isLineEmpty = false
      default:
        isLineEmpty = false
        if line.count < 32 { line.append(0x41...0x5a ~= byte ? byte | 0x20 : byte) }
      }
    }
  }

  private mutating func endLine() {
    if isLineEmpty { state = .body }
    if Self.fields.contains(line) { isSpam = true }
    line.removeAll(keepingCapacity: true)
    isLineEmpty = true
  }
}
