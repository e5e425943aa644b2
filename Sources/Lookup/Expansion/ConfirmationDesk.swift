// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import Policy

/// Says whether a table of aliases, or a list that one includes, names a command or a file now: so that
/// nobody but the administrator makes up what is run.
final class ConfirmationDesk {
  /// Tokens of this desk's own questions have this bit, and no others have.
  private static let mark: UInt64 = 1 << 63

  private struct Search {
    let token: UInt64
    let node: ExpansionNode
    var lists: [String]
  }

  private let context: RoleContext
  private let ask: (_ token: UInt64, _ path: String) -> Bool
  private var leaves: [TableIndex: TableLeaves] = [:]
  private var searches: [UInt64: Search] = [:]
  private var lastToken = ConfirmationDesk.mark

  /// - Parameter ask: asks for a list; false when nobody is there to be asked.
  init(_ context: RoleContext, ask: @escaping (_ token: UInt64, _ path: String) -> Bool) {
    self.context = context
    self.ask = ask
  }

  /// The table says something else from now on.
  func forget(_ table: TableIndex) { leaves[table] = nil }

  func confirm(
    _ method: LocalDelivery.Method,
    _ action: String,
    _ token: UInt64,
    _ ruleset: Ruleset
  ) {
    let node: ExpansionNode
    switch method {
    case .command(let text, .alias): node = .command(text)
    case .file(let path, .alias): node = .file(path)
    case .action, .command(_, .forward), .file(_, .forward):
      return refute(token, "no table names it")
    }
    guard let table = ruleset.aliasTable(ofAction: action) else {
      return refute(token, "action \(action) has no aliases")
    }
    guard let found = leaves[table] ?? ruleset.leaves(of: table) else {
      return refute(token, "the aliases of action \(action) cannot be read now")
    }
    leaves[table] = found
    if found.commands.contains(node) { return context.tell(.confirmed(token: token)) }
    look(Search(token: token, node: node, lists: found.lists.sorted()))
  }

  /// The content of a list. False when it was not asked for here.
  func answered(_ token: UInt64, _ answer: ExpansionAnswer) -> Bool {
    guard token & ConfirmationDesk.mark != 0 else { return false }
    guard let search = searches.removeValue(forKey: token) else { return true }
    if case .include(let bytes, .administrator) = answer,
      let list = try? NodeList(parsing: bytes, atMost: ExpansionLimits.nodesOfInclude),
      list.nodes.contains(search.node)
    {
      context.tell(.confirmed(token: search.token))
    } else {
      look(search)
    }
    return true
  }

  private func look(_ search: Search) {
    var search = search
    guard let path = search.lists.popLast() else {
      return refute(search.token, "the aliases do not name it any longer")
    }
    lastToken += 1
    searches[lastToken] = search
    guard ask(lastToken, path) else {
      searches[lastToken] = nil
      return refute(search.token, "the lists of the aliases cannot be read now")
    }
  }

  private func refute(_ token: UInt64, _ reason: String) {
    context.tell(.refuted(token: token, reason: reason))
  }
}
