// SPDX-License-Identifier: ISC

internal import Configuration
internal import Policy

/// What all tables say, in the forms in which rules, listeners and relays ask.
struct LookupTables: Sendable {
  var ruleset: Ruleset
  var relays: RelayDirectory

  /// Takes what one of them says from now on, unless an entry is of no use: then what it said before counts.
  mutating func replace(
    _ table: TableIndex,
    with source: TableSource
  ) throws(Ruleset.RefusedEntry) {
    try ruleset.replace(table, with: source)
    relays.replace(table, with: source)
  }
}
