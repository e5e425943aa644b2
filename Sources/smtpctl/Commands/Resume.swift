// SPDX-License-Identifier: ISC

import ControlProtocol

/// `resume envelope …` and `resume mda|mta|smtp`: takes a pause back.
struct Resume: Command {
  enum Object {
    case envelopes(Selection)
    case subsystem(ControlRequest.Subsystem)
  }

  let object: Object

  static let entries =
    [
      CommandTable.Entry(
        pattern: [.keyword("resume"), .keyword("envelope"), .selection]
      ) { parameters in
        Resume(object: .envelopes(parameters.selection(at: 0)))
      }
    ]
    + ControlRequest.Subsystem.allCases.map { subsystem in
      CommandTable.Entry(
        pattern: [.keyword("resume"), .keyword(subsystem.word)]
      ) { _ in
        Resume(object: .subsystem(subsystem))
      }
    }

  func run(in context: Context) throws(CommandFailure) {
    switch object {
    case .envelopes(let selection):
      let count = try context.service().count(.resumeEnvelopes(selection, context.mode))
      try context.report(
        "resume envelope",
        count,
        CountWording(participle: "resumed", zero: .singular)
      )
    case .subsystem(let subsystem):
      try context.succeed("resume \(subsystem.word)", .resume(subsystem))
    }
  }
}
