// SPDX-License-Identifier: ISC

/// What stands behind a user or a label in a table of credentials.
enum CredentialValue {
  /// The hash of a user's password: the value itself, or behind the user's name as its first column. More
  /// columns may follow, as in passwd(5) and in the files of other servers; nil when there is none.
  static func hash(in value: String, of user: String) -> String? {
    let columns = value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard let first = columns.first else { return nil }
    let names = first.asciiLowercased == user || (columns.count > 1 && isHash(columns[1]))
    let column = names && columns.count > 1 ? columns[1] : first
    let hash = withoutScheme(column)
    return hash.isEmpty ? nil : hash
  }

  /// What a relay is shown: user and password, of which only the user has no colon.
  static func login(in value: String) -> (user: String, password: [UInt8])? {
    let bytes = Array(value.utf8)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0,
      colon + 1 < bytes.count
    else { return nil }
    return (String(decoding: bytes[..<colon], as: UTF8.self), Array(bytes[(colon + 1)...]))
  }

  private static func isHash(_ column: String) -> Bool {
    let hash = withoutScheme(column)
    return hash.first == "$" || hash.first == "_"
  }

  /// Dovecot writes the kind of a hash between braces before it.
  private static func withoutScheme(_ column: String) -> String {
    guard column.first == "{", let end = column.firstIndex(of: "}") else { return column }
    return String(column[column.index(after: end)...])
  }
}
