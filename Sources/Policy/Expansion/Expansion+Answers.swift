// SPDX-License-Identifier: ISC

internal import Configuration
internal import Mail

/// What the answers to an expansion's questions lead to.
extension Expansion {
  mutating func take(
    _ answer: ExpansionAnswer,
    to question: ExpansionQuestion,
    at step: Int
  ) throws(ExpansionRefusal) {
    switch (question, answer) {
    case (.account(_, .unwanted), .account):
      guard case .user(let name) = steps[step].kind, let action = steps[step].action else {
        preconditionFailure("an account for no user")
      }
      try deliver(to: name, action, at: step)
    case (.account, .account(let account, let file)):
      try forward(file, of: account, at: step)
    case (.account, .absent):
      note(step, .unknownUser)
      throw .invalidRecipient
    case (.account, _):
      note(step, .accountsFailed)
      throw .lookupFailed
    case (.forward(let account), .forward(let file)):
      try forward(file, of: account, at: step)
    case (.forward, _):
      note(step, .accountsFailed)
      throw .problem(.temporary)
    case (.include, .include(let bytes, let owner)):
      try include(bytes, of: owner, at: step)
    case (.include(let path), .refused):
      note(step, .includeRefused(path))
      throw .problem(.permanent)
    case (.include(let path), _):
      note(step, .includeFailed(path))
      throw .problem(.temporary)
    }
  }

  private mutating func include(
    _ bytes: [UInt8],
    of owner: ListOwner,
    at step: Int
  ) throws(ExpansionRefusal) {
    guard let action = steps[step].action else { preconditionFailure("a list without an action") }
    let list: NodeList
    do {
      list = try NodeList(parsing: bytes, atMost: ExpansionLimits.nodesOfInclude)
    } catch {
      note(step, .unreadable("\(error)"))
      throw .problem(.temporary)
    }
    for node in list.nodes where owner == .other {
      switch node {
      case .command, .file:
        note(step, .noCommands)
        throw .problem(.permanent)
      case .address, .user, .include, .error: break
      }
    }
    add(list.nodes, .include, under: action, below: step)
  }

  private mutating func forward(
    _ file: ForwardFile,
    of account: Account,
    at step: Int
  ) throws(ExpansionRefusal) {
    guard case .user(let name) = steps[step].kind, let action = steps[step].action else {
      preconditionFailure("a forward file for no user")
    }
    note(step, .forward(file))
    switch file {
    case .none: return try deliver(to: name, action, at: step)
    case .insecure: throw .problem(.permanent)
    case .held, .tooLarge, .failed: throw .problem(.temporary)
    case .content(let bytes):
      let nodes = try entries(of: bytes, at: step)
      guard !nodes.isEmpty else { return try deliver(to: name, action, at: step) }
      for node in nodes where account.user == 0 {
        switch node {
        case .command, .file:
          note(step, .noCommands)
          throw .problem(.temporary)
        case .address, .user, .include, .error: break
        }
      }
      hasForwarded(at: step)
      add(nodes, .forward(user: name.user), under: action, below: step)
    }
  }

  /// Without lists, which a user cannot include.
  private mutating func entries(
    of bytes: [UInt8],
    at step: Int
  ) throws(ExpansionRefusal) -> [ExpansionNode] {
    guard bytes.count <= ForwardFile.sizeMax else { throw .problem(.temporary) }
    do {
      let list = try NodeList(parsing: bytes, atMost: ExpansionLimits.nodesOfForward)
      let nodes = list.nodes.filter { !$0.isList }
      if nodes.count < list.nodes.count { note(step, .ignoredInclude) }
      return nodes
    } catch {
      note(step, .unreadable("\(error)"))
      throw .problem(.temporary)
    }
  }
}
