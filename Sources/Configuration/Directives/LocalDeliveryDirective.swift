// SPDX-License-Identifier: ISC

/// `mda limit …`, `mda wrapper NAME COMMAND`.
extension Parser {
  mutating func parseLocalDelivery() throws(SyntaxFault) {
    let (word, _) = try choice(of: "mda", among: ["limit", "wrapper"])
    if word == "wrapper" { return try parseWrapper() }
    try parseLimits(of: "mda limit", among: LocalLimits.Key.allCases.map(\.rawValue) + ["timeout"])
    {
      parser,
      word,
      position throws(SyntaxFault) in
      guard let key = LocalLimits.Key(rawValue: word) else {
        parser.draft.localLimits.timeout = try parser.duration()
        return
      }
      let least: Int64 = key == .tasksLow ? 0 : 1
      parser.taskMarks[.local, default: TaskMarks()].state(word, at: position)
      parser.draft.localLimits[keyPath: key.path] =
        try parser.number(word, in: least...1_000_000)
    }
  }

  private mutating func parseWrapper() throws(SyntaxFault) {
    let (name, place) = try self.name("a wrapper's name")
    let command = try declaring(name, as: .wrapper) { parser throws(SyntaxFault) in
      let command = try parser.wrapperCommand()
      try parser.endOfStatement()
      return command
    }
    guard !draft.wrappers.contains(where: { $0.name == name }) else {
      return report(.duplicate("wrapper", name), at: place)
    }
    draft.wrappers.append(DeliveryAction.Local.Wrapper(name: name, command: command))
  }

  private mutating func wrapperCommand() throws(SyntaxFault) -> Format {
    let (text, position) = try name("a command")
    do throws(Format.Fault) {
      return try Format(parsing: text, for: .command)
    } catch {
      throw SyntaxFault(complaint: .format(text, error), position: position)
    }
  }
}
