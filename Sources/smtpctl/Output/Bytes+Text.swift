// SPDX-License-Identifier: ISC

import Mail

/// Formatting without intermediate strings: a queue of a million envelopes is a million lines.
extension [UInt8] {
  mutating func append(text: String) { append(contentsOf: text.utf8) }

  mutating func append(decimal value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(decimal: value.magnitude)
  }

  mutating func append(decimal value: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var first = 20
    var rest = value
    repeat {
      first -= 1
      digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest != 0
    for index in first..<20 { append(digits[index]) }
  }

  /// Lower-case hexadecimal, zero-filled to `digits`.
  mutating func append(hexadecimal value: UInt64, digits: Int) {
    for index in (0..<digits).reversed() {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * index)) & 15
      append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble)
    }
  }

  /// `local@domain`, the local part quoted where it must be; a lone `@` for the null sender.
  mutating func append(address: Address?) {
    guard let address else {
      append(UInt8(ascii: "@"))
      return
    }
    if !address.local.isEmpty, address.local.utf8.allSatisfy(isPlainLocalByte) {
      append(text: address.local)
      append(UInt8(ascii: "@"))
      append(visible: address.domain)
    } else {
      append(visible: address.description)
    }
  }
}

/// A byte that a local part may hold outside quotes; dots in odd places are left to `Address`.
private func isPlainLocalByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
    UInt8(ascii: "+"), UInt8(ascii: "="):
    true
  default: false
  }
}
