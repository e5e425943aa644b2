// SPDX-License-Identifier: ISC

/// What the kernel answers to a system call.
package enum CallAction: Hashable, Sendable {
  case allow
  /// The process is ended, and the log says by which call.
  case trap
  /// The call fails with this errno.
  case refuse(Int32)
}

/// A test of one argument of a call. The kernel sees numbers, and nothing that a pointer points to.
package struct ArgumentTest: Hashable, Sendable {
  /// How the argument is compared, as 64 bits without a sign.
  package enum Comparison: Hashable, Sendable {
    case equal(UInt64)
    case unequal(UInt64)
    case below(UInt64)
    case above(UInt64)
    /// The bits of the mask have this value.
    case masked(UInt64, UInt64)
  }

  /// From 0.
  package let argument: UInt32
  /// What passes.
  package let comparison: Comparison

  package init(_ argument: UInt32, _ comparison: Comparison) {
    self.argument = argument
    self.comparison = comparison
  }

  /// Whether a value passes.
  package func passes(_ value: UInt64) -> Bool {
    switch comparison {
    case .equal(let wanted): value == wanted
    case .unequal(let unwanted): value != unwanted
    case .below(let bound): value < bound
    case .above(let bound): value > bound
    case .masked(let mask, let wanted): value & mask == wanted
    }
  }
}

/// One line of a filter: a call by name, tests that must all pass, an action. Rules of one call never
/// overlap, so that their order is without meaning. libseccomp takes one test an argument.
package struct CallRule: Hashable, Sendable {
  /// The call's name, as in the manual.
  package let call: String
  /// All must pass; none means every call.
  package let tests: [ArgumentTest]
  /// What the kernel answers then.
  package let action: CallAction

  package init(_ call: String, _ tests: [ArgumentTest], _ action: CallAction) {
    self.call = call
    self.tests = tests
    self.action = action
  }

  /// For every argument.
  package init(_ call: String, _ action: CallAction) { self.init(call, [], action) }
}

extension CallRule {
  /// Rules that split all values of one argument: `allowed` go through, all others get `other`.
  ///
  /// - Parameter more: tests of other arguments, for every rule.
  static func split(
    _ call: String,
    argument: UInt32,
    allowing allowed: Set<UInt64>,
    more: [ArgumentTest] = [],
    else other: CallAction
  ) -> [CallRule] {
    guard let least = allowed.min(), let most = allowed.max() else {
      return [CallRule(call, more, other)]
    }
    func rule(_ comparison: ArgumentTest.Comparison, _ action: CallAction) -> CallRule {
      CallRule(call, more + [ArgumentTest(argument, comparison)], action)
    }
    precondition(most - least < 64, "too many values lie between")
    var rules = (least...most).map { rule(.equal($0), allowed.contains($0) ? .allow : other) }
    if least > 0 { rules.append(rule(.below(least), other)) }
    rules.append(rule(.above(most), other))
    return rules
  }

  /// Rules that split all values of the lower 32 bits of an argument: one of them, and all others. Its upper
  /// bits, which a call with a smaller argument does not look at, have no say.
  static func split(
    _ call: String,
    argument: UInt32,
    word: UInt32,
    _ action: CallAction,
    else other: CallAction
  ) -> [CallRule] {
    let all = UInt64(UInt32.max)
    let wanted = UInt64(word)
    // What differs does so first in one of the bits, from above.
    let others = (0..<UInt32.bitWidth).map { bit in
      let mask = all & (all << UInt64(bit))
      return CallRule(
        call,
        [ArgumentTest(argument, .masked(mask, (wanted ^ 1 << UInt64(bit)) & mask))],
        other
      )
    }
    return [CallRule(call, [ArgumentTest(argument, .masked(all, wanted))], action)] + others
  }

  /// Rules that split all values of the bits of a mask.
  static func split(
    _ call: String,
    argument: UInt32,
    mask: UInt64,
    more: [ArgumentTest] = [],
    by action: (UInt64) -> CallAction
  ) -> [CallRule] {
    precondition(mask.nonzeroBitCount <= 6, "too many combinations")
    var rules: [CallRule] = []
    var value: UInt64 = 0
    repeat {
      let test = ArgumentTest(argument, .masked(mask, value))
      rules.append(CallRule(call, more + [test], action(value)))
      // The next subset of the mask's bits.
      value = (value &- mask) & mask
    } while value != 0
    return rules
  }
}
