// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// `monitor`: what happens, a line a second, made of the difference of two `show stats`.
struct Monitor: Command {
  static let entries = [
    CommandTable.Entry(pattern: [.keyword("monitor")]) { _ in Monitor() }
  ]

  func run(in context: Context) throws(CommandFailure) {
    let service = try context.service()
    var last = MonitorSample()
    var lines = 0
    repeat {
      guard case .statistics(let statistics) = try service.exchange(.showStats) else {
        throw .brokenAnswer("statistics were expected")
      }
      var sample = MonitorSample(statistics)
      // What a role that does not answer has counted is as it was.
      if statistics.contains(where: { $0.silentRole != nil }) { sample.fill(from: last) }
      switch context.style {
      case .plain:
        if lines % MonitorSample.linesPerHeading == 0 {
          try context.write { MonitorSample.appendHeading(afterLines: lines, to: &$0) }
        }
        try context.write { sample.append(since: last, to: &$0) }
      case .json:
        try context.json { line in
          for column in MonitorSample.columns {
            line.add(named: column.key, sample.value(of: column, since: last))
          }
        }
      }
      try context.flush()
      last = sample
      lines += 1
    } while context.nextSample() != nil
  }
}
