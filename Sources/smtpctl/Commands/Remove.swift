// SPDX-License-Identifier: ISC

import ControlProtocol

/// `remove <evpid>|<msgid>|all|<query>`: removes the envelopes.
struct Remove: Command {
  let selection: Selection

  static let entries = [
    CommandTable.Entry(pattern: [.keyword("remove"), .selection]) { parameters in
      Remove(selection: parameters.selection(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    let count = try context.service().count(.remove(selection, context.mode))
    try context.report(
      "remove",
      count,
      CountWording(participle: "removed", zero: .singular)
    )
  }
}
