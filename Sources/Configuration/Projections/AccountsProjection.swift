// SPDX-License-Identifier: ISC

package import Mail

/// What accounts is handed: how it looks at passwords.
package struct AccountsProjection: Hashable, Sendable {
  /// Who knows the passwords of this host's users.
  package enum Passwords: UInt8, Sendable {
    case shadow = 0
    /// A program that the supervisor starts, which alone knows the service.
    case pam = 1
  }

  /// Who is asked.
  package var passwords: Passwords

  /// As said.
  package init(passwords: Passwords) { self.passwords = passwords }

  /// The part of a configuration.
  package init(_ configuration: ServerConfiguration) {
    passwords =
      switch configuration.systemPasswords {
      case .shadow: .shadow
      case .pam: .pam
      }
  }

  /// For the sealed file that the role is handed.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(passwords.rawValue)
    return writer.finish()
  }

  /// Reads what `encoded` wrote.
  package init(decoding bytes: [UInt8]) throws(DecodingError) {
    var reader = ByteReader(bytes)
    guard let passwords = Passwords(rawValue: try reader.readByte()) else {
      throw .invalid(field: "passwords")
    }
    self.passwords = passwords
    try reader.expectEnd()
  }
}
