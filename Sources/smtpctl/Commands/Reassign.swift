// SPDX-License-Identifier: ISC

import ControlProtocol

/// `reassign <action> <evpid>|<msgid>|all|<query>`: another action of the configuration is to deliver
/// the envelopes.
struct Reassign: Command {
  let action: String
  let selection: Selection

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("reassign"), .text("action"), .selection]
    ) { parameters in
      Reassign(action: parameters.text(at: 0), selection: parameters.selection(at: 1))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    guard action.utf8.count <= ControlLimits.name else {
      throw .invalid("smtpctl: the action's name is too long")
    }
    let request = ControlRequest.reassign(selection, action: action, context.mode)
    let count = try context.service().count(request)
    try context.report(
      "reassign",
      count,
      CountWording(participle: "reassigned", zero: .singular)
    )
  }
}
