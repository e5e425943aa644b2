// SPDX-License-Identifier: ISC

/// `proc NAME COMMAND …`, `filter NAME …`.
extension Parser {
  /// `proc NAME COMMAND [user USER] [group GROUP] [chroot PATH]`.
  mutating func parseProcess(at place: SourcePosition) throws(SyntaxFault) {
    use(.filter, by: "proc", at: place)
    let (name, position) = try self.name("a process's name")
    let program = try declaring(name, as: .filterProcess) { parser throws(SyntaxFault) in
      try parser.filterProgram(of: "proc")
    }
    guard !draft.filterProcesses.contains(where: { $0.name == name }) else {
      return report(.duplicate("proc", name), at: position)
    }
    draft.filterProcesses.append(FilterProcess(name: name, program: program))
  }

  mutating func parseFilter(at place: SourcePosition) throws(SyntaxFault) {
    use(.filter, at: place)
    let (name, position) = try self.name("a filter's name")
    let kind = try declaring(name, as: .filter) { parser throws(SyntaxFault) in
      let kind = try parser.filterKind()
      if !parser.hasEndedStatement { try parser.endOfStatement() }
      return kind
    }
    guard !draft.filters.contains(where: { $0.name == name }) else {
      return report(.duplicate("filter", name), at: position)
    }
    draft.filters.append(Filter(name: name, kind: kind))
  }

  private mutating func filterKind() throws(SyntaxFault) -> Filter.Kind {
    let (word, _) = try choice(of: "filter", among: ["proc", "proc-exec", "phase", "chain"])
    switch word {
    case "proc": return .shared(try sharedProcess())
    case "proc-exec": return .own(try filterProgram(of: "filter proc-exec"))
    case "phase": return .builtIn(try builtIn())
    default: return .chain(try chain())
    }
  }

  /// A filter's name, or a chain in place.
  mutating func filterReference(
    of directive: String,
    at place: SourcePosition
  ) throws(SyntaxFault) -> String {
    use(.filter, by: "\(directive) filter", at: place)
    guard try peek().isSymbol("{") else {
      let (name, position) = try string("a filter's name or \"{\"")
      _ = try filter(named: name, at: position)
      return name
    }
    let name = "<dynchain:\(draft.filters.count)>"
    let names = try chain()
    draft.filters.append(Filter(name: name, kind: .chain(names)))
    return name
  }

  /// Reads to the end of the statement.
  private mutating func filterProgram(
    of directive: String
  ) throws(SyntaxFault) -> FilterProcess.Program {
    var program = FilterProcess.Program(command: try filled("a command"))
    _ = try parseOptions(of: directive, among: ["user", "group", "chroot"]) {
      parser,
      word,
      _ throws(SyntaxFault) in
      switch word {
      case "user": program.user = try parser.userName()
      case "group": program.group = try parser.groupName()
      default: program.root = try parser.absolutePath("a directory").0
      }
    }
    try endOfStatement()
    return program
  }

  private mutating func sharedProcess() throws(SyntaxFault) -> String {
    let (name, position) = try string("a process's name")
    let known = draft.filterProcesses.map(\.name)
    guard known.contains(name) else {
      let nearest = Spelling.nearest(to: name, in: known)
      throw SyntaxFault(
        complaint: .undeclared("proc", name, nearest: nearest),
        position: position
      )
    }
    return name
  }

  private func filter(
    named name: String,
    at position: SourcePosition
  ) throws(SyntaxFault) -> Filter {
    if let filter = draft.filters.first(where: { $0.name == name }) { return filter }
    let known = draft.filters.map(\.name).filter { !$0.hasPrefix("<") }
    let nearest = Spelling.nearest(to: name, in: known)
    throw SyntaxFault(
      complaint: .undeclared("filter", name, nearest: nearest),
      position: position
    )
  }

  /// `{ a, b }`: filters that are no chains, each once, and each its own process.
  private mutating func chain() throws(SyntaxFault) -> [String] {
    var names: [String] = []
    var owners: [String: String] = [:]
    let place = try peek().position
    for (name, position) in try nameList("a filter's name or \"}\"") {
      let filter = try filter(named: name, at: position)
      if case .chain = filter.kind {
        throw SyntaxFault(complaint: .nestedChain(name), position: position)
      }
      guard !names.contains(name) else {
        throw SyntaxFault(complaint: .repeated("filter \"\(name)\""), position: position)
      }
      if case .shared(let process) = filter.kind {
        if let other = owners[process] {
          throw SyntaxFault(complaint: .sharedProcess(other, name), position: position)
        }
        owners[process] = name
      }
      names.append(name)
    }
    guard !names.isEmpty else { throw SyntaxFault(complaint: .empty("chain"), position: place) }
    return names
  }
}
