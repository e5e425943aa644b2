// SPDX-License-Identifier: ISC

import Passwords

/// `encrypt [-m method] [string]`: prints a password's hash for a table of credentials; without a string one
/// for each line of standard input. Anybody may.
struct Encrypt: Command {
  let words: [String]

  static let entries = [
    CommandTable.Entry(pattern: [.keyword("encrypt")]) { _ in Encrypt(words: []) },
    CommandTable.Entry(pattern: [.keyword("encrypt"), .words("[-m method] [string]")]) {
      Encrypt(words: $0.words(at: 0))
    },
  ]

  private enum Limits {
    /// Bytes of standard input.
    static let input = 1 << 20
  }

  private static let usage =
    "usage: smtpctl encrypt [-m "
    + PasswordMaking.Method.allCases.map(\.rawValue).joined(separator: "|") + "] [string]"

  func run(in context: Context) throws(CommandFailure) {
    try context.refuseDryRun(of: "encrypt")
    let (method, password) = try read()
    if let password { return try write(Array(password.utf8), method, in: context) }
    guard let input = SystemCalls.readInput(atMost: Limits.input) else {
      throw .failed("standard input cannot be read, or is too long")
    }
    for line in input.split(separator: 0x0a, omittingEmptySubsequences: false) where !line.isEmpty {
      try write(Array(line), method, in: context)
    }
  }

  private func read() throws(CommandFailure) -> (PasswordMaking.Method?, String?) {
    var rest = words[...]
    var method: PasswordMaking.Method?
    if let word = rest.first, word.hasPrefix("-m") {
      rest.removeFirst()
      guard let name = word == "-m" ? rest.popFirst() : String(word.dropFirst(2)),
        let found = PasswordMaking.Method(rawValue: name)
      else { throw .invalid(Encrypt.usage) }
      method = found
    }
    if rest.first == "--" { rest.removeFirst() }
    guard rest.count <= 1 else { throw .invalid(Encrypt.usage) }
    return (method, rest.first)
  }

  private func write(
    _ password: [UInt8],
    _ method: PasswordMaking.Method?,
    in context: Context
  ) throws(CommandFailure) {
    let hash: String
    do throws(PasswordMaking.Failure) {
      hash = try PasswordMaking.hash(of: password, by: method)
    } catch {
      switch error {
      case .unusable: throw .failed("a password may not be empty, or have a NUL in it")
      case .tooLong(let most): throw .failed("a password may have at most \(most) bytes")
      case .unsupported: throw .failed("this host's libcrypt cannot make such a hash")
      }
    }
    switch context.style {
    case .plain: try context.line(hash)
    case .json: try context.json { $0.add("hash", hash) }
    }
  }
}
