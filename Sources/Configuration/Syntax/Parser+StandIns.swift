// SPDX-License-Identifier: ISC

/// Names whose declaration is wrong, which was said: that they are used is no mistake of its own.
///
/// Each is declared as something that fits wherever the name does. With an error there is no configuration,
/// so that nothing of it is ever served.
extension Parser {
  /// What a statement declares.
  enum Declared {
    case table, action, filter, filterProcess, wrapper, authority
  }

  /// Reads the rest of a statement that declares a name. When that is wrong the name stands all the same.
  mutating func declaring<Value>(
    _ name: String,
    as kind: Declared,
    _ read: (inout Parser) throws(SyntaxFault) -> Value
  ) throws(SyntaxFault) -> Value {
    do throws(SyntaxFault) {
      return try read(&self)
    } catch {
      standIn(for: name, as: kind)
      throw error
    }
  }

  private mutating func standIn(for name: String, as kind: Declared) {
    switch kind {
    case .table:
      // As one whose file cannot be read.
      if tableIndexes[name] == nil { declare(name, .file("")) }
    case .action:
      guard actionIndexes[name] == nil else { return }
      actionIndexes[name] = draft.actions.count
      draft.actions.append(
        DeliveryAction(name: name, method: .local(DeliveryAction.Local(agent: .mbox)))
      )
    case .filter:
      guard !draft.filters.contains(where: { $0.name == name }) else { return }
      draft.filters.append(Filter(name: name, kind: .own(FilterProcess.Program(command: ""))))
    case .filterProcess:
      guard !draft.filterProcesses.contains(where: { $0.name == name }) else { return }
      let program = FilterProcess.Program(command: "")
      draft.filterProcesses.append(FilterProcess(name: name, program: program))
    case .wrapper:
      guard !draft.wrappers.contains(where: { $0.name == name }),
        let command = try? Format(parsing: "%{mda}", for: .command)
      else { return }
      draft.wrappers.append(DeliveryAction.Local.Wrapper(name: name, command: command))
    case .authority: references.faultyAuthorities.append(name)
    }
  }
}
