// SPDX-License-Identifier: ISC

/// What bounds an expansion.
package enum ExpansionLimits {
  /// Steps from the recipient to what it stands for.
  package static let depth = 10
  /// Bytes of one entry.
  package static let node = 1023
  /// Entries of one alias.
  package static let nodesOfAlias = 65_536
  /// Entries of one included list.
  package static let nodesOfInclude = 65_536
  /// Entries of one `~/.forward`.
  package static let nodesOfForward = 100
  /// Bytes of an included list.
  package static let include = 2 << 20
  /// Nodes of one recipient's expansion.
  package static let nodes = 131_072
  /// Questions that wait for an answer at one time.
  package static let questions = 32
  /// Steps that are looked at or added before others have their turn.
  package static let slice = 64
  /// The same of all expansions together, before the loop looks at what has arrived meanwhile.
  package static let turn = 256
}
