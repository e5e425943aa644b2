// SPDX-License-Identifier: ISC

import ControlProtocol

/// `pause envelope …` and `pause mda|mta|smtp`: no further tries, or no further work.
struct Pause: Command {
  enum Object {
    case envelopes(Selection)
    case subsystem(ControlRequest.Subsystem)
  }

  let object: Object

  static let entries =
    [
      CommandTable.Entry(
        pattern: [.keyword("pause"), .keyword("envelope"), .selection]
      ) { parameters in
        Pause(object: .envelopes(parameters.selection(at: 0)))
      }
    ]
    + ControlRequest.Subsystem.allCases.map { subsystem in
      CommandTable.Entry(
        pattern: [.keyword("pause"), .keyword(subsystem.word)]
      ) { _ in
        Pause(object: .subsystem(subsystem))
      }
    }

  func run(in context: Context) throws(CommandFailure) {
    switch object {
    case .envelopes(let selection):
      let count = try context.service().count(.pauseEnvelopes(selection, context.mode))
      try context.report(
        "pause envelope",
        count,
        CountWording(participle: "paused", zero: .singular)
      )
    case .subsystem(let subsystem):
      try context.succeed("pause \(subsystem.word)", .pause(subsystem))
    }
  }
}
