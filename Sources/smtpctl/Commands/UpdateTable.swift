// SPDX-License-Identifier: ISC

import ControlProtocol

/// `update table`: a table's file is read anew, and counts when all of it could be read.
struct UpdateTable: Command {
  let name: String

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("update"), .keyword("table"), .text("name")]
    ) { parameters in
      UpdateTable(name: parameters.text(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    try context.succeed("update table", .updateTable(name: name))
  }
}
