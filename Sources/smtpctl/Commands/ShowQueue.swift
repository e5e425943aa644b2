// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// `show queue [<msgid>|<query>]`: one line an envelope, by message and then by envelope.
struct ShowQueue: Command {
  let selection: Selection

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("show"), .keyword("queue"), .optionalSelection]
    ) { parameters in
      ShowQueue(selection: parameters.selection(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    try context.service().complete(.showQueue(selection)) { part throws(CommandFailure) in
      guard case .envelopes(let rows) = part else {
        throw .brokenAnswer("envelopes were expected")
      }
      let now = context.now()
      try context.write { bytes in
        for row in rows {
          switch context.style {
          case .plain: QueueLine.append(row, at: now, to: &bytes)
          case .json: EnvelopeJSON.append(row, .row, to: &bytes)
          }
        }
      }
    }
  }
}
