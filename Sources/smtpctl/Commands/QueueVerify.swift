// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail
import Queue

/// `queue verify`: checks every record of the store; what cannot be read is quarantined.
struct QueueVerify: Command {
  static let entries = [
    CommandTable.Entry(pattern: [.keyword("queue"), .keyword("verify")]) { _ in QueueVerify() }
  ]

  /// Fails when something was found, so that a script can tell.
  func run(in context: Context) throws(CommandFailure) {
    var messages = 0
    var envelopes = 0
    var findings = 0
    try context.service().complete(.verifyQueue) { part throws(CommandFailure) in
      guard case .verified(let checkedMessages, let checkedEnvelopes, let found) = part else {
        throw .brokenAnswer("findings were expected")
      }
      messages += checkedMessages
      envelopes += checkedEnvelopes
      findings += found.count
      for finding in found {
        switch context.style {
        case .plain:
          try context.write { bytes in
            bytes.append(visible: finding.record)
            bytes.append(text: ": ")
            bytes.append(visible: finding.problem)
            bytes.append(UInt8(ascii: "\n"))
          }
        case .json:
          try context.json { line in
            line.add("record", finding.record)
            line.add("problem", finding.problem)
          }
        }
      }
      try context.flush()
    }
    try summarize(messages, envelopes, findings, in: context)
    guard findings == 0 else { throw .found }
  }

  private func summarize(
    _ messages: Int,
    _ envelopes: Int,
    _ findings: Int,
    in context: Context
  ) throws(CommandFailure) {
    switch context.style {
    case .plain:
      try context.line(
        "\(messages) messages and \(envelopes) envelopes checked, problems: \(findings)"
      )
    case .json:
      try context.json { line in
        line.add("messages", Int64(messages))
        line.add("envelopes", Int64(envelopes))
        line.add("problems", Int64(findings))
      }
    }
  }
}
