// SPDX-License-Identifier: ISC

internal import Configuration
internal import Interprocess
internal import Mail
internal import NIOCore
internal import Policy

/// Says whether a table of aliases, or a list that one includes, names a command or a file now: so that
/// nobody but the administrator makes up what is run.
///
/// What a table names is read beside the event loop when it is first asked for.
final class ConfirmationDesk {
  /// Tokens of this desk's own questions have this bit, and no others have.
  private static let mark: UInt64 = 1 << 63

  private struct Search {
    let token: UInt64
    let node: ExpansionNode
    var lists: [String]
  }

  /// What waits for a table to be read.
  private struct Reading {
    var questions: [(token: UInt64, node: ExpansionNode)]
    /// The table says something else than what is being read.
    var isStale = false
  }

  private let context: RoleContext
  private let ruleset: () -> Ruleset
  private let ask: (_ token: UInt64, _ path: String) -> Bool
  private let beside: TableDesk.Beside
  private var leaves: [TableIndex: TableLeaves] = [:]
  private var readings: [TableIndex: Reading] = [:]
  private var searches: [UInt64: Search] = [:]
  private var lastToken = ConfirmationDesk.mark

  /// - Parameters:
  ///   - ask: asks for a list; false when nobody is there to be asked.
  ///   - beside: by default a thread of the desk's own.
  init(
    _ context: RoleContext,
    ruleset: @escaping () -> Ruleset,
    ask: @escaping (_ token: UInt64, _ path: String) -> Bool,
    beside: TableDesk.Beside? = nil
  ) {
    self.context = context
    self.ruleset = ruleset
    self.ask = ask
    self.beside = beside ?? TableDesk.thread()
  }

  /// The table says something else from now on.
  func forget(_ table: TableIndex) {
    leaves[table] = nil
    readings[table]?.isStale = true
  }

  func confirm(_ method: LocalDelivery.Method, _ action: String, _ token: UInt64) {
    let node: ExpansionNode
    switch method {
    case .command(let text, .alias): node = .command(text)
    case .file(let path, .alias): node = .file(path)
    case .action, .command(_, .forward), .file(_, .forward):
      return refute(token, "no table names it")
    }
    guard let table = ruleset().aliasTable(ofAction: action) else {
      return refute(token, "action \(action) has no aliases")
    }
    if let found = leaves[table] { return look(for: node, in: found, token) }
    guard readings[table] == nil else {
      readings[table]?.questions.append((token, node))
      return
    }
    readings[table] = Reading(questions: [(token, node)])
    read(table)
  }

  private func read(_ table: TableIndex) {
    let ruleset = ruleset()
    let loop = context.loop
    let done = NIOLoopBound({ [unowned self] in finish(table, $0) }, eventLoop: loop)
    beside {
      let found = ruleset.leaves(of: table)
      loop.execute { done.value(found) }
    }
  }

  private func finish(_ table: TableIndex, _ found: TableLeaves?) {
    guard let reading = readings[table] else { return }
    guard !reading.isStale else {
      readings[table]?.isStale = false
      return read(table)
    }
    readings[table] = nil
    leaves[table] = found
    for (token, node) in reading.questions {
      if let found {
        look(for: node, in: found, token)
      } else {
        let name = ruleset().name(of: table)
        refute(token, "the aliases of table \(name) cannot be read now")
      }
    }
  }

  private func look(for node: ExpansionNode, in found: TableLeaves, _ token: UInt64) {
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
