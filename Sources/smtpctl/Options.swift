// SPDX-License-Identifier: ISC

import ControlProtocol

/// The command line: options, which may stand anywhere before `--`, and the words of the command.
struct Options: Equatable {
  /// What is asked for, beside a command.
  enum Purpose: Equatable {
    case command
    case help
    case version
  }

  enum Failure: Error, Equatable {
    case unknown(String)
    case missingValue(String)
    case unexpectedValue(String)
  }

  var purpose = Purpose.command
  var style = Context.Style.plain
  var mode = ControlRequest.Mode.execute
  var state: String?
  var words: [String] = []

  /// - Parameter arguments: without the program's name.
  init(_ arguments: [String]) throws(Failure) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--":
        words += rest
        return
      case "--json": style = .json
      case "--dry-run": mode = .dryRun
      case "-h", "--help": purpose = .help
      case "--version": purpose = .version
      case "-S":
        guard let value = rest.popFirst() else { throw .missingValue(argument) }
        state = value
      case _ where argument.hasPrefix("-S"): state = String(argument.dropFirst(2))
      case _ where argument == "-" || !argument.hasPrefix("-"): words.append(argument)
      case _ where Options.readsItsOwn(words): words.append(argument)
      default: throw Options.refusal(argument)
      }
    }
  }

  /// `explain` and `encrypt` have options of their own, with values that may look like one.
  private static func readsItsOwn(_ words: [String]) -> Bool {
    guard let first = words.first, !first.isEmpty else { return false }
    return "explain".hasPrefix(first) || "encrypt".hasPrefix(first)
  }

  private static func refusal(_ argument: String) -> Failure {
    let name = argument.prefix { $0 != "=" }
    let isFlag = ["--json", "--dry-run", "--help", "--version"].contains(String(name))
    return isFlag ? .unexpectedValue(String(name)) : .unknown(argument)
  }

  static let usage = "usage: smtpctl [-S directory] [--json] [--dry-run] command [argument ...]"

  static var help: String {
    """
    \(usage)

      -S DIRECTORY  the state directory of the daemon: its spool and its control socket
      --json        answer in JSON, one object a line
      --dry-run     tell how many envelopes a command would touch, and touch none
      --help        show this text
      --version     show the version

    Each word of a command may be shortened as long as no other begins so:

    \(CommandTable.entries.map { "  " + $0.help }.joined(separator: "\n"))

    A query selects envelopes by tests such as domain=example.org or age>1d; smtpctl(8) has them all.
    """
  }
}

extension Options.Failure {
  /// The text for the operator.
  var text: String {
    switch self {
    case .unknown(let option): "smtpctl: unknown option \(option)\n\(Options.usage)"
    case .missingValue(let option): "smtpctl: \(option) needs a value\n\(Options.usage)"
    case .unexpectedValue(let option): "smtpctl: \(option) takes no value\n\(Options.usage)"
    }
  }
}
