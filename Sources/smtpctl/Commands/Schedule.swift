// SPDX-License-Identifier: ISC

import ControlProtocol

/// `schedule <evpid>|<msgid>|all|<query>`: tries the envelopes at once.
struct Schedule: Command {
  let selection: Selection

  static let entries = [
    CommandTable.Entry(pattern: [.keyword("schedule"), .selection]) { parameters in
      Schedule(selection: parameters.selection(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    let count = try context.service().count(.schedule(selection, context.mode))
    try context.report(
      "schedule",
      count,
      CountWording(participle: "scheduled", zero: .singular)
    )
  }
}
