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
    let request = ControlRequest.remove(selection, context.mode)
    guard case .removal(let count, let inFlight) = try context.service().exchange(request) else {
      throw .brokenAnswer("a count was expected")
    }
    try context.report(
      "remove",
      count,
      CountWording(participle: "removed", zero: .singular),
      inFlight: inFlight
    )
  }
}
