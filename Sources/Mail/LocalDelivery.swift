// SPDX-License-Identifier: ISC

/// A delivery on this host.
package struct LocalDelivery: Hashable, Sendable {
  /// What receives the message.
  package enum Method: Hashable, Sendable {
    /// What the action names.
    case action
    /// A command for the shell.
    case command(String, Provenance)
    /// A file, by an absolute path, that the message is appended to.
    case file(String, Provenance)
  }

  /// Where a command or a file was named.
  package enum Provenance: UInt8, Sendable {
    /// In a table of the administrator, or in a list that it includes.
    case alias = 1
    /// In the user's `~/.forward`, which is read again when the command is run.
    case forward = 2
  }

  /// The account that it is delivered to, or that the command runs as.
  package var user: String
  /// The part of the local part behind the delimiter; nil when there is none.
  package var subaddress: String?
  /// Whether the action delivers, or what an alias or a forward file named.
  package var method: Method

  package init(user: String, subaddress: String? = nil, method: Method = .action) {
    self.user = user
    self.subaddress = subaddress
    self.method = method
  }

  /// The account that commands of aliases run as where the action names no other.
  package static let aliasUser = "_smtpd"

  /// The command or the file, as it is shown to an operator.
  package var command: String? {
    switch method {
    case .action: nil
    case .command(let text, _), .file(let text, _): text
    }
  }

  /// The method as it is stored: its text, and a number that says what the text is.
  package var storedMethod: (text: String, form: UInt8) {
    switch method {
    case .action: ("", 0)
    case .command(let text, let provenance): (text, provenance.rawValue)
    case .file(let text, let provenance): (text, provenance.rawValue + 2)
    }
  }

  /// Nil when there is no such form, or a text where none belongs.
  package static func method(stored text: String, form: UInt8) -> Method? {
    switch form {
    case 0: text.isEmpty ? .action : nil
    case 1, 2: text.isEmpty ? nil : Provenance(rawValue: form).map { .command(text, $0) }
    case 3, 4: text.isEmpty ? nil : Provenance(rawValue: form - 2).map { .file(text, $0) }
    default: nil
    }
  }
}
