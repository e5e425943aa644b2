// SPDX-License-Identifier: ISC

import ControlProtocol

/// `log brief` and `log verbose`: how much the daemon logs.
struct LogLevel: Command {
  let level: ControlRequest.LogLevel

  static let entries = [
    CommandTable.Entry(pattern: [.keyword("log"), .keyword("brief")]) { _ in
      LogLevel(level: .brief)
    },
    CommandTable.Entry(pattern: [.keyword("log"), .keyword("verbose")]) { _ in
      LogLevel(level: .verbose)
    },
  ]

  func run(in context: Context) throws(CommandFailure) {
    try context.succeed(level == .brief ? "log brief" : "log verbose", .logLevel(level))
  }
}
