// SPDX-License-Identifier: ISC

/// What looks at the files of tables as whoever serves them will: at their modes, and at what is in maps.
package struct TableJudge {
  /// A table that cannot be used, and why.
  package struct Fault: Hashable, Sendable {
    package var table: TableIndex
    package var reason: String

    package init(_ table: TableIndex, reason: String) {
      self.table = table
      self.reason = reason
    }
  }

  /// Asked once, with what of the configuration is good.
  let faults: (ServerConfiguration) -> [Fault]

  package init(faults: @escaping (ServerConfiguration) -> [Fault]) { self.faults = faults }
}

extension Parser {
  /// Reports the files of tables, where they are named; one that could not be read was reported.
  mutating func judgeTables() {
    for fault in tableJudge?.faults(draft) ?? [] where !unreadTables.contains(fault.table) {
      // One whose statement is wrong stands in for it without a file, and that was said.
      guard let position = tablePlaces[fault.table] else { continue }
      let name = draft.tables[fault.table.rawValue].name
      report(.unusable("table \(name)", reason: fault.reason), at: position)
    }
  }
}
