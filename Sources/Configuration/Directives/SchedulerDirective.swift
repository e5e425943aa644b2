// SPDX-License-Identifier: ISC

/// `scheduler limit …`.
extension Parser {
  mutating func parseScheduler() throws(SyntaxFault) {
    _ = try choice(of: "scheduler", among: ["limit"])
    try parseLimits(of: "scheduler limit", among: SchedulingLimits.Key.allCases.map(\.rawValue)) {
      parser,
      word,
      position throws(SyntaxFault) in
      guard let key = SchedulingLimits.Key(rawValue: word) else { return }
      if !key.hasEffect { parser.report(.withoutEffect(word), at: position, severity: .warning) }
      parser.draft.schedulingLimits[keyPath: key.path] =
        try parser.number(word, in: 1...10_000_000)
    }
  }
}
