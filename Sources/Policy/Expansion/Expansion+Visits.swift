// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail

/// What becomes of each kind of step.
extension Expansion {
  mutating func visit(_ step: Int, _ ruleset: Ruleset) throws(ExpansionRefusal) {
    guard steps[step].depth < ExpansionLimits.depth else { throw .problem(.permanent) }
    switch steps[step].kind {
    case .address(let address): try visit(address, at: step, ruleset)
    case .user(let name): try visit(name, at: step, ruleset)
    case .leaf(let node): try visit(node, at: step)
    }
  }

  private mutating func visit(
    _ address: Address,
    at step: Int,
    _ ruleset: Ruleset
  ) throws(ExpansionRefusal) {
    switch decide(address, at: step, ruleset) {
    case .reject, .noRule: throw .invalidRecipient
    case .lookupFailed: throw .lookupFailed
    case .action(let action, _):
      guard action.kind == .local else { return deliver(.relay, action, at: step) }
      let name = LocalName(address.local, delimiter: ruleset.subaddressDelimiter)
      guard case .virtual(let table) = action.aliases else {
        return try add(.user(name), steps[step].origin, under: action, below: step)
      }
      let keys = Ruleset.virtualKeys(of: name, domain: address.domain)
      guard try expandAliases(keys, in: table, of: action, at: step, ruleset) else {
        note(step, .notVirtual(table: ruleset.name(of: table)))
        throw .problem(.permanent)
      }
    }
  }

  private mutating func decide(_ address: Address, at step: Int, _ ruleset: Ruleset) -> Decision {
    var subject = subject
    subject.destination = address
    if step > 0 { subject.origin = .expansion }
    guard explanation != nil else { return ruleset.decide(subject) }
    let explained = ruleset.explain(subject)
    note(step, .rules(explained))
    return explained.decision
  }

  private mutating func visit(
    _ name: LocalName,
    at step: Int,
    _ ruleset: Ruleset
  ) throws(ExpansionRefusal) {
    guard let action = steps[step].action else { preconditionFailure("a user without an action") }
    guard steps[step].standing != .forwarded else {
      return try deliver(to: name, action, at: step)
    }
    if let aliases = action.aliases, steps[step].standing == .fresh {
      let keys = Ruleset.aliasKeys(of: name)
      guard try !expandAliases(keys, in: aliases.table, of: action, at: step, ruleset) else {
        return
      }
    }
    guard UserName.isAcceptable(name.user) else { throw .invalidRecipient }
    let isRead = action.user == nil || action.user == name.user || action.expansion != .toUsers
    guard let table = action.userBase, !ruleset.isSystemAccounts(table) else {
      return ask(.account(name.user, isRead ? .wanted : .unwanted), at: step)
    }
    let account = try account(name.user, in: table, at: step, ruleset)
    guard isRead else { return try deliver(to: name, action, at: step) }
    ask(.forward(account), at: step)
  }

  private mutating func account(
    _ user: String,
    in table: TableIndex,
    at step: Int,
    _ ruleset: Ruleset
  ) throws(ExpansionRefusal) -> Account {
    let value: String?
    do {
      value = try ruleset.value(of: user, in: table)
    } catch {
      throw .lookupFailed
    }
    guard let value else {
      note(step, .unknownUser)
      throw .invalidRecipient
    }
    guard let account = Account(parsing: value) else { throw .lookupFailed }
    return account
  }

  /// Whether the table has one of the keys, whose entries are then the next steps.
  private mutating func expandAliases(
    _ keys: [String],
    in table: TableIndex,
    of action: LookupProjection.Action,
    at step: Int,
    _ ruleset: Ruleset
  ) throws(ExpansionRefusal) -> Bool {
    let answer: AliasAnswer
    do {
      answer = try ruleset.firstValue(of: keys, in: table)
    } catch {
      note(step, .tableFailed(error.name))
      throw .problem(.temporary)
    }
    guard case .found(let key, let value) = answer else { return false }
    note(step, .alias(table: ruleset.name(of: table), key: key))
    let list: NodeList
    do {
      list = try NodeList(parsing: value)
    } catch {
      note(step, .unreadable("\(error)"))
      throw .problem(.temporary)
    }
    add(list.nodes, .alias, under: action, below: step)
    return true
  }

  private mutating func visit(
    _ node: ExpansionNode,
    at step: Int
  ) throws(ExpansionRefusal) {
    guard let action = steps[step].action else { preconditionFailure("a leaf without an action") }
    if action.expansion == .toForwards, !node.isList {
      note(step, .noCommands)
      throw .problem(.temporary)
    }
    let user: String
    let provenance: LocalDelivery.Provenance
    if case .forward(let owner) = steps[step].origin {
      user = owner
      provenance = .forward
    } else {
      user = action.user ?? LocalDelivery.aliasUser
      provenance = .alias
    }
    switch node {
    case .error(let code, let text): throw .stated(code: code, text: text)
    case .include(let path): ask(.include(path), at: step)
    case .command(let text):
      let method = LocalDelivery.Method.command(text, provenance)
      deliver(.local(LocalDelivery(user: user, method: method)), action, at: step)
    case .file(let path):
      let method = LocalDelivery.Method.file(path, provenance)
      deliver(.local(LocalDelivery(user: user, method: method)), action, at: step)
    case .address, .user: preconditionFailure("an address or a user is no leaf")
    }
  }

  /// The action's own way to deliver to a user, where it has one.
  mutating func deliver(
    to name: LocalName,
    _ action: LookupProjection.Action,
    at step: Int
  ) throws(ExpansionRefusal) {
    switch action.expansion {
    case .toUsers: break
    case .toForwards:
      note(step, .noDelivery)
      throw .problem(.temporary)
    case .toAliases:
      note(step, .noDelivery)
      throw .problem(.permanent)
    }
    let delivery = LocalDelivery(user: name.user, subaddress: subaddress(of: name, at: step))
    deliver(.local(delivery), action, at: step)
  }

  /// His own name in a user's file keeps the sub-address that led to the file.
  private func subaddress(of name: LocalName, at step: Int) -> String? {
    if let own = name.subaddress { return own }
    var place = steps[step].parent
    while let index = place {
      if case .user(let other) = steps[index].kind, other.user == name.user {
        return other.subaddress
      }
      place = steps[index].parent
    }
    return nil
  }
}
