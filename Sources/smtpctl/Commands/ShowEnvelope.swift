// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// `show envelope <evpid>`: all that is stored of an envelope, and the task that has it.
struct ShowEnvelope: Command {
  let id: EnvelopeID

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("show"), .keyword("envelope"), .envelopeID]
    ) { parameters in
      ShowEnvelope(id: parameters.envelope(at: 0))
    }
  ]

  func run(in context: Context) throws(CommandFailure) {
    var isFound = false
    try context.service().complete(.showEnvelope(id)) { part throws(CommandFailure) in
      guard case .envelopes(let rows) = part, rows.count == 1, let row = rows.first else {
        throw .brokenAnswer("an envelope was expected")
      }
      isFound = true
      try context.write { bytes in
        switch context.style {
        case .plain: bytes.append(contentsOf: EnvelopeText(row).bytes)
        case .json: EnvelopeJSON.append(row, .full, to: &bytes)
        }
      }
    }
    guard isFound else { throw .refused("no such envelope") }
  }
}
