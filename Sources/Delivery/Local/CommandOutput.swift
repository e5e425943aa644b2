// SPDX-License-Identifier: ISC

/// Keeps the last line of what a command prints, however much it prints. Pure.
package struct CommandOutput: Sendable {
  /// The line that is being printed; cut at `DeliveryText.bytesMax`.
  private var line: [UInt8] = []
  private var lastWhole: [UInt8] = []

  package init() {}

  package mutating func append(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if line.contains(where: { $0 > 0x20 }) { lastWhole = line }
        line.removeAll(keepingCapacity: true)
      } else if line.count < DeliveryText.bytesMax {
        line.append(byte)
      }
    }
  }

  /// The last line that is not blank, in printable ASCII; empty when there is none.
  package var lastLine: String {
    DeliveryText.sanitized(line.contains { $0 > 0x20 } ? line : lastWhole)
  }
}
