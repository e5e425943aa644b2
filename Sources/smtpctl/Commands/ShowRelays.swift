// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// `show relays`: where mail is relayed to now, over how many connections, and what is waited for.
struct ShowRelays: Command {
  static let entries = [
    CommandTable.Entry(pattern: [.keyword("show"), .keyword("relays")]) { _ in ShowRelays() }
  ]

  func run(in context: Context) throws(CommandFailure) {
    try context.service().complete(.showRelays) { part throws(CommandFailure) in
      guard case .relays(let rows) = part else { throw .brokenAnswer("relays were expected") }
      for row in rows {
        switch context.style {
        case .plain: for line in ShowRelays.lines(of: row) { try context.line(line) }
        case .json: try ShowRelays.json(row, in: context)
        }
      }
    }
  }

  /// One line for the relay, and an indented one for each connector.
  static func lines(of row: RelayRow) -> [String] {
    var bytes: [UInt8] = []
    bytes.append(visible: row.name)
    let name = String(decoding: bytes, as: UTF8.self)
    let waits = words(row.waits.subtracting([.hold]).map { ($0.rawValue, $0.word) })
    let hold = row.waits.contains(.hold) ? "ONHOLD" : ""
    let first =
      "\(name) refcount=\(row.references) ntask=\(row.tasks) \(text(row.use)) wait=\(waits)\(hold)"
    return [first]
      + row.connectors.map { connector in
        let flags = words(connector.flags.map { ($0.rawValue, $0.word) })
        return "  connector \(connector.source) refcount=\(connector.use.connections) "
          + "\(text(connector.use)) flags=\(flags)"
      }
  }

  private static func text(_ use: RelayRow.Use) -> String {
    func duration(_ seconds: Int64?) -> String {
      seconds.map { Duration.seconds($0).operatorText } ?? "-"
    }
    return "nconn=\(use.connections) lastconn=\(duration(use.last)) "
      + "timeout=\(duration(use.timeout))"
  }

  private static func words(_ words: [(UInt8, String)]) -> String {
    words.sorted { $0.0 < $1.0 }.map(\.1).joined(separator: ",")
  }

  private static func json(_ row: RelayRow, in context: Context) throws(CommandFailure) {
    try context.json { line in
      line.add("relay", row.name)
      line.add("tasks", Int64(row.tasks))
      line.add("connections", Int64(row.use.connections))
      line.add("last_connection", row.use.last)
      line.add("timeout", row.use.timeout)
      line.add("wait", row.waits.sorted { $0.rawValue < $1.rawValue }.map(\.word))
      line.add("connectors", lines(of: row).dropFirst().map { String($0.dropFirst(12)) })
    }
  }
}
