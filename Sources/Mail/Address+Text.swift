// SPDX-License-Identifier: ISC

extension Address: CustomStringConvertible {
  /// `local@domain` as it stands on the wire, the local part quoted where it must be.
  package var description: String {
    needsQuotes ? "\(quotedLocal)@\(domain)" : "\(local)@\(domain)"
  }

  /// Appends the address between `<` and `>`; `<>` for nil.
  package static func appendPath(_ address: Address?, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "<"))
    if let address {
      let local = address.needsQuotes ? address.quotedLocal : address.local
      bytes.append(contentsOf: local.utf8)
      bytes.append(UInt8(ascii: "@"))
      bytes.append(contentsOf: address.domain.utf8)
    }
    bytes.append(UInt8(ascii: ">"))
  }

  /// Appends a local part alone between `<` and `>`, quoted where it must be.
  package static func appendName(_ local: String, to bytes: inout [UInt8]) {
    let address = Address(local: local, domain: "")
    bytes.append(UInt8(ascii: "<"))
    bytes.append(contentsOf: (address.needsQuotes ? address.quotedLocal : local).utf8)
    bytes.append(UInt8(ascii: ">"))
  }

  /// Whether the local part is more than atoms divided by single dots.
  private var needsQuotes: Bool {
    let utf8 = local.utf8
    let bytes = utf8.span
    var previous = UInt8(ascii: ".")
    for index in bytes.indices {
      let byte = bytes[index]
      if byte == UInt8(ascii: ".") {
        guard previous != byte else { return true }
      } else if !Address.isAtomText(byte), byte < 0x80 {
        return true
      }
      previous = byte
    }
    return previous == UInt8(ascii: ".")
  }

  private var quotedLocal: String {
    var text = "\""
    for scalar in local.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { text += "\\" }
      text.unicodeScalars.append(scalar)
    }
    return text + "\""
  }
}
