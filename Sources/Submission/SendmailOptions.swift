// SPDX-License-Identifier: ISC

package import Mail

/// The command line of sendmail(8), as OpenSMTPD reads it.
package struct SendmailOptions: Equatable, Sendable {
  /// What is to be done.
  package enum Mode: Equatable, Sendable {
    /// Send the message on standard input: so does `-b` with any other letter.
    case send
    /// `-bi`: make the aliases anew.
    case aliases
    /// `-bp`: list the queue.
    case queue
    /// `-bs`: speak SMTP on standard input and output.
    case dialog
  }

  /// Why a command line is not followed.
  package enum Misuse: Error, Equatable, Sendable {
    case usage(String)
    /// What sendmail can and this cannot: `-q`.
    case unsupported(String)
  }

  /// `-b`.
  package var mode = Mode.send
  /// `-f`, `-r`; empty is the null sender, nil leaves it to the From field or the login name.
  package var sender: String?
  /// `-F`.
  package var fullName: String?
  /// `-t`.
  package var takesRecipients = false
  /// `-N`; empty when nothing was said.
  package var notify: NotifyConditions = []
  /// `-R`.
  package var returnContent: ReturnContent?
  /// `-V`.
  package var envelopeIdentifier: String?
  /// `-v`.
  package var isVerbose = false
  /// The operands, each of which may be a list.
  package var recipients: [String] = []

  /// A line for who misuses it.
  package static let usage = "usage: sendmail [-tv] [-f from] [-F name] [-N dsn] to ..."

  /// Bytes of `-V`, as the server takes them.
  private static let envelopeIdentifierMax = 100

  package init() {}

  /// - Parameter arguments: without the program's name. Options may stand behind recipients, as GNU's
  ///   getopt takes them; behind `--` there are recipients only, whatever they begin with.
  package init(_ arguments: [String]) throws(Misuse) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" { break }
      guard argument.hasPrefix("-"), argument.utf8.count > 1 else {
        recipients.append(argument)
        continue
      }
      var letters = argument.dropFirst()
      while let letter = letters.popFirst() {
        guard let kind = SendmailOptions.kinds[letter] else {
          throw .usage("unknown option -\(letter)")
        }
        var value = ""
        switch kind {
        case .flag: break
        case .attached:
          value = String(letters)
          letters = ""
        case .value:
          guard let found = letters.isEmpty ? rest.popFirst() : String(letters) else {
            throw .usage("option -\(letter) needs a value")
          }
          value = found
          letters = ""
        }
        try take(letter, value)
      }
    }
    recipients += rest
  }

  private enum Kind {
    case flag
    /// A value, in the same word or the next one.
    case value
    /// Perhaps a value, in the same word.
    case attached
  }

  private static let kinds: [Character: Kind] = [
    "A": .value, "B": .value, "b": .value, "E": .attached, "e": .value, "F": .value, "f": .value,
    "i": .flag, "J": .attached, "L": .value, "m": .flag, "N": .value, "o": .value, "p": .value,
    "q": .attached, "R": .value, "r": .value, "S": .flag, "t": .flag, "v": .flag, "V": .value,
    "x": .flag,
  ]

  private mutating func take(_ letter: Character, _ value: String) throws(Misuse) {
    switch letter {
    case "b": try setMode(value)
    case "F": fullName = value
    case "f", "r": sender = value == "<>" ? "" : value
    case "N": notify = try SendmailOptions.notify(value)
    case "q":
      throw .unsupported("-q: the queue runs by itself; smtpctl schedule all asks for it now")
    case "R": returnContent = try SendmailOptions.returnContent(value)
    case "t": takesRecipients = true
    case "v": isVerbose = true
    case "V":
      guard !value.isEmpty, value.utf8.count <= SendmailOptions.envelopeIdentifierMax,
        value.utf8.allSatisfy({ 0x20...0x7e ~= $0 })
      else { throw .usage("-V \(value): no envelope identifier") }
      envelopeIdentifier = value
    // -S says not to use the login name, which is never used: the kernel's word counts.
    default: break
    }
  }

  private mutating func setMode(_ value: String) throws(Misuse) {
    switch value.first {
    case "i": mode = .aliases
    case "p": mode = .queue
    case "s": mode = .dialog
    default: break
    }
  }

  private static func notify(_ value: String) throws(Misuse) -> NotifyConditions {
    var conditions: NotifyConditions = []
    for word in value.split(separator: ",", omittingEmptySubsequences: false) {
      switch word.lowercased() {
      case "never": conditions.insert(.never)
      case "success": conditions.insert(.success)
      case "failure": conditions.insert(.failure)
      case "delay": conditions.insert(.delay)
      default: throw .usage("-N \(value): expected never, or a list of success, failure, delay")
      }
    }
    guard !conditions.contains(.never) || conditions == .never else {
      throw .usage("-N \(value): never cannot be combined")
    }
    return conditions
  }

  private static func returnContent(_ value: String) throws(Misuse) -> ReturnContent {
    switch value.lowercased() {
    case "full": return .full
    case "hdrs": return .headers
    default: throw .usage("-R \(value): expected full or hdrs")
    }
  }
}
