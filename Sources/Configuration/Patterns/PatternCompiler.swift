// SPDX-License-Identifier: ISC

/// Turns what a regular expression says into a machine, from its end to its beginning, so that each
/// state knows the one behind it.
struct PatternCompiler {
  private(set) var states: [Pattern.State] = []
  private var parts = 0

  /// The machine's first state.
  mutating func compile(_ node: PatternNode) throws(Pattern.Fault) -> Int {
    try compile(node, before: try append(.found))
  }

  private mutating func append(_ state: Pattern.State) throws(Pattern.Fault) -> Int {
    guard states.count < Pattern.Limits.states else { throw .tooLarge }
    states.append(state)
    return states.count - 1
  }

  /// The state at which `node`, followed by `next`, begins.
  private mutating func compile(
    _ node: PatternNode,
    before next: Int
  ) throws(Pattern.Fault) -> Int {
    parts += 1
    guard parts <= Pattern.Limits.parts else { throw .tooLarge }
    switch node {
    case .empty: return next
    case .byte(let byte): return try append(.byte(byte, next: next))
    case .set(let set): return try append(.set(set, next: next))
    case .assertion(let assertion): return try append(.assertion(assertion, next: next))
    case .sequence(let nodes):
      var first = next
      for node in nodes.reversed() { first = try compile(node, before: first) }
      return first
    case .choice(let nodes):
      var first: Int?
      for node in nodes.reversed() {
        let branch = try compile(node, before: next)
        first =
          try first.map { other throws(Pattern.Fault) in try append(.fork(branch, other)) }
          ?? branch
      }
      return first ?? next
    case .repeated(let inner, let least, let most):
      return try compile(inner, least, most, before: next)
    }
  }

  private mutating func compile(
    _ node: PatternNode,
    _ least: Int,
    _ most: Int?,
    before next: Int
  ) throws(Pattern.Fault) -> Int {
    var first = next
    if let most {
      for _ in least..<most {
        first = try append(.fork(try compile(node, before: first), next))
      }
    } else {
      let loop = try append(.fork(next, next))
      states[loop] = .fork(try compile(node, before: loop), next)
      first = loop
    }
    for _ in 0..<least { first = try compile(node, before: first) }
    return first
  }
}
