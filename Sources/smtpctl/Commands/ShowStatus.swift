// SPDX-License-Identifier: ISC

import ControlProtocol

/// `show status`: which subsystems run.
struct ShowStatus: Command {
  static let entries = [
    CommandTable.Entry(pattern: [.keyword("show"), .keyword("status")]) { _ in ShowStatus() }
  ]

  func run(in context: Context) throws(CommandFailure) {
    guard case .status(let status) = try context.service().exchange(.showStatus) else {
      throw .brokenAnswer("a status was expected")
    }
    switch context.style {
    case .plain:
      for subsystem in ControlRequest.Subsystem.allCases {
        let word = status.paused.contains(subsystem) ? "paused" : "running"
        try context.line("\(subsystem.word.uppercased()) \(word)")
      }
    case .json:
      try context.json { line in
        line.add("mda", status.paused.contains(.mda) ? "paused" : "running")
        line.add("mta", status.paused.contains(.mta) ? "paused" : "running")
        line.add("smtp", status.paused.contains(.smtp) ? "paused" : "running")
      }
    }
  }
}
