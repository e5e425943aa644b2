// SPDX-License-Identifier: ISC

package import Configuration

/// The commands and files that a table of aliases names, and the lists that it includes.
package struct TableLeaves: Sendable {
  package fileprivate(set) var commands: Set<ExpansionNode> = []
  /// Absolute paths.
  package fileprivate(set) var lists: Set<String> = []
}

extension Ruleset {
  /// The table of aliases that an action names.
  package func aliasTable(ofAction name: String) -> TableIndex? {
    actions.first { $0.name == name }?.aliases?.table
  }

  /// What the table names; nil when it cannot be asked. Reads all of it.
  package func leaves(of table: TableIndex) -> TableLeaves? {
    guard let values = values(of: table) else { return nil }
    var leaves = TableLeaves()
    for value in values where value.utf8.contains(where: { $0 == 0x7c || $0 == 0x2f }) {
      // One that cannot be read is never expanded either.
      guard let list = try? NodeList(parsing: value) else { continue }
      for node in list.nodes {
        switch node {
        case .command, .file: leaves.commands.insert(node)
        case .include(let path): leaves.lists.insert(path)
        case .error, .address, .user: break
        }
      }
    }
    return leaves
  }
}
