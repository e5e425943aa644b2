// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// `show stats`: counters and gauges by name.
struct ShowStats: Command {
  static let entries = [
    CommandTable.Entry(pattern: [.keyword("show"), .keyword("stats")]) { _ in ShowStats() }
  ]

  /// The one statistic that is also told for people.
  private static let uptime = "uptime"

  func run(in context: Context) throws(CommandFailure) {
    guard case .statistics(let statistics) = try context.service().exchange(.showStats) else {
      throw .brokenAnswer("statistics were expected")
    }
    for role in statistics.compactMap(\.silentRole).sorted() {
      context.warn("smtpctl: \(role) did not answer: what it counts is missing")
    }
    let sorted = statistics.sorted { $0.name < $1.name }
    switch context.style {
    case .plain:
      try context.write { bytes in
        for statistic in sorted { ShowStats.append(statistic, to: &bytes) }
      }
    case .json:
      try context.json { line in
        for statistic in sorted { line.add(named: statistic.name, statistic.value) }
      }
    }
  }

  private static func append(_ statistic: Statistic, to bytes: inout [UInt8]) {
    bytes.append(visible: statistic.name)
    bytes.append(UInt8(ascii: "="))
    bytes.append(decimal: statistic.value)
    bytes.append(UInt8(ascii: "\n"))
    guard statistic.name == uptime else { return }
    bytes.append(text: "uptime.human=")
    bytes.append(text: Duration.seconds(statistic.value).operatorText)
    bytes.append(UInt8(ascii: "\n"))
  }
}
