// SPDX-License-Identifier: ISC

/// Of which tables another file is in place than lookup was handed. Pure: told what a look saw and what
/// was handed over.
///
/// A file counts once two looks in a row saw it the same, so that one that is just being written is left alone. One
/// that was handed over is offered once, whether lookup took it or not; while there is none nothing happens.
struct TableChanges {
  /// What tells a file from the one that was there before.
  struct Identity: Hashable, Sendable {
    var device: UInt64
    var number: UInt64
    var size: Int64
    /// In nanoseconds.
    var modified: Int64
    /// Who may open it.
    var mode: UInt32
    var owner: UInt32
  }

  private enum Limits {
    /// How often a file is handed over that lookup, which ended, had not answered for: it may be the reason.
    static let attempts = 3
  }

  private struct Handed {
    var identity: Identity
    var attempts = 1
    /// Lookup ended over it.
    var isOwed = false
  }

  private var handed: [Int: Handed] = [:]
  private var seen: [Int: Identity] = [:]

  /// What is there of a table now. Returns whether it is to be handed over: then it is so at every look, until it was.
  mutating func saw(_ identity: Identity?, of table: Int) -> Bool {
    defer { seen[table] = identity }
    guard let identity, identity == seen[table] else { return false }
    guard let last = handed[table], last.identity == identity else { return true }
    return last.isOwed
  }

  /// What is in place could not be opened. The last look's file counts as handed over: one that has come since then
  /// may be a good one, and is offered.
  mutating func refused(of table: Int) {
    if let last = seen[table] { hand(last, of: table) }
  }

  /// A file was handed over.
  mutating func hand(_ identity: Identity, of table: Int) {
    guard var last = handed[table], last.identity == identity else {
      handed[table] = Handed(identity: identity)
      return
    }
    last.attempts = last.isOwed ? last.attempts + 1 : 1
    last.isOwed = false
    handed[table] = last
  }

  /// What becomes of a file over which lookup ended.
  enum Loss {
    case comesAgain
    case givenUp
  }

  /// Lookup ended without a word about the last file of this table.
  mutating func lost(of table: Int) -> Loss {
    guard let last = handed[table], last.attempts < Limits.attempts else { return .givenUp }
    handed[table]?.isOwed = true
    return .comesAgain
  }
}
