// SPDX-License-Identifier: ISC

/// `auth shadow`, `auth pam`: who says whether a password is that of a user of this host.
package enum SystemPasswords: Hashable, Sendable {
  /// shadow(5), compared in our own process.
  case shadow
  /// PAM, asked in a program of its own.
  case pam(PAMService)
}

/// A file that says which modules PAM asks.
package struct PAMService: Hashable, Sendable {
  /// What bounds it.
  package enum Limits {
    /// Bytes of a name.
    package static let name = 64
    /// Bytes of a path.
    package static let path = 1024
  }

  /// In PAM's own directories, or an absolute path of any other file.
  package let text: String

  /// The usual one.
  package static let usual = PAMService(checked: "smtpd")

  private init(checked text: String) { self.text = text }

  /// Nil when PAM would look for another file: it changes the case of names and takes their last part.
  package init?(parsing text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last, 1...Limits.name ~= name.utf8.count, name.first != ".",
      name.utf8.allSatisfy(PAMService.isPlain)
    else { return nil }
    if parts.count > 1 {
      guard parts[0].isEmpty, text.utf8.count <= Limits.path, !text.utf8.contains(0) else {
        return nil
      }
    }
    self.text = text
  }

  /// Where the file is when it is in none of PAM's own directories.
  package var path: String? { text.hasPrefix("/") ? text : nil }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
