// SPDX-License-Identifier: ISC

internal import Glibc

/// The filter that a set of promises stands for. Pure: a set of words in, rules out.
///
/// More words never take a call away: each kind of rule asks for words and only widens with them.
package struct CallPolicy: Sendable {
  /// What is not in the rules.
  package static let otherwise = CallAction.refuse(ENOSYS)

  /// Each with its own tests; those of one call split its arguments.
  package let rules: [CallRule]

  /// - Parameter process: whose own threads and signals `stdio` allows.
  package init(_ promises: Promises, process: Int32) {
    var whole = Set(promises.flatMap { CallTable.allowed[$0] ?? [] })
    if promises.isDisjoint(with: [.rpath, .getpw]) { whole.subtract(CallTable.looking) }
    let part = CallPolicy.partly(promises, UInt64(UInt32(bitPattern: process))).filter {
      !whole.contains($0.call)
    }
    let named = whole.union(part.map(\.call))
    let dangerous = Set(CallTable.dangerous).subtracting(named)
    let refused = Set(CallTable.looking).subtracting(named).subtracting(dangerous)
    var rules = whole.sorted().map { CallRule($0, .allow) }
    rules += part
    rules += dangerous.sorted().map { CallRule($0, .trap) }
    rules += refused.sorted().map { CallRule($0, .refuse(EACCES)) }
    self.rules = rules
  }

  /// What the kernel answers to a call, as these rules say it.
  package func action(for call: String, _ arguments: [UInt64]) -> CallAction {
    rules.first { rule in
      rule.call == call
        && rule.tests.allSatisfy { test in
          let index = Int(test.argument)
          return test.passes(index < arguments.count ? arguments[index] : 0)
        }
    }?.action ?? CallPolicy.otherwise
  }

  /// The calls that are allowed in part.
  private static func partly(_ promises: Promises, _ process: UInt64) -> [CallRule] {
    var rules =
      memory + clones(promises) + opening(promises) + sockets(promises)
      + sending(promises) + locks(promises)
    rules +=
      control + terminals(promises) + tethers(promises) + handlers + ownSignals(process)
      + questions(promises)
    return rules
  }
}
