// SPDX-License-Identifier: ISC

/// What may be asked of the user database: names that no database reads as something else.
package enum UserName {
  /// Bytes of the longest name.
  package static let lengthMax = 255

  /// Neither empty, too long, a path, a list, nor with control characters, spaces or colons.
  package static func isAcceptable(_ name: String) -> Bool {
    guard 1...lengthMax ~= name.utf8.count, name != ".", name != ".." else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case 0x00...0x20, 0x7f, UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: ","): false
      default: true
      }
    }
  }
}
