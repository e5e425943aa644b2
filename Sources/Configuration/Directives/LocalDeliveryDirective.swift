// SPDX-License-Identifier: ISC

/// `mda limit …`.
extension Parser {
  mutating func parseLocalDelivery() throws(SyntaxFault) {
    _ = try choice(of: "mda", among: ["limit"], unsupported: ["wrapper"])
    let position = try peek().position
    try parseLimits(of: "mda limit", among: LocalLimits.Key.allCases.map(\.rawValue)) {
      parser,
      word,
      _ throws(SyntaxFault) in
      guard let key = LocalLimits.Key(rawValue: word) else { return }
      let least: Int64 = key == .tasksLow ? 0 : 1
      parser.draft.localLimits[keyPath: key.path] =
        try parser.number(word, in: least...1_000_000)
    }
    if draft.localLimits.tasksLow > draft.localLimits.tasksHigh {
      report(.limitOrder(low: "task-lowat", high: "task-hiwat"), at: position)
    }
  }
}
