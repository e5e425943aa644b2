// SPDX-License-Identifier: ISC

import Glibc
import Interprocess
import RolePromises
import Sandbox
import Testing

@Suite("Promises become rules for calls")
struct CallPolicyTests {
  /// Arguments that pass a rule's tests.
  private func witness(_ rule: CallRule) -> [UInt64] {
    var arguments = [UInt64](repeating: 0, count: 6)
    for test in rule.tests {
      arguments[Int(test.argument)] =
        switch test.comparison {
        case .equal(let value), .masked(_, let value): value
        case .unequal(let value), .above(let value): value + 1
        case .below(let value): value - 1
        }
    }
    return arguments
  }

  private static let sets: [Promises] = {
    var sets: [Promises] = [[], Promises(Promise.allCases)]
    for role in Role.allCases { sets.append(RolePromises.stated(by: role).words) }
    for word in Promise.allCases { sets.append([word]) }
    return sets
  }()

  @Test("rules of one call never overlap", arguments: sets)
  func disjoint(promises: Promises) {
    let rules = CallPolicy(promises, process: 7).rules
    for rule in rules {
      let arguments = witness(rule)
      let matching = rules.filter { other in
        other.call == rule.call
          && other.tests.allSatisfy { $0.passes(arguments[Int($0.argument)]) }
      }
      #expect(matching == [rule])
    }
  }

  @Test("one more promise takes no call away", arguments: sets)
  func monotone(promises: Promises) {
    let fewer = CallPolicy(promises, process: 7)
    for word in Promise.allCases where !promises.contains(word) {
      let more = CallPolicy(promises.union([word]), process: 7)
      for rule in fewer.rules + more.rules {
        let arguments = witness(rule)
        guard fewer.action(for: rule.call, arguments) == .allow else { continue }
        let action = more.action(for: rule.call, arguments)
        #expect(action == .allow, "\(word): \(rule.call) \(arguments)")
      }
    }
  }

  @Test("upper bits of an argument do not hide a family")
  func upperBits() {
    let policy = CallPolicy([.stdio, .inet], process: 7)
    #expect(policy.action(for: "socket", [2, 1, 0]) == .allow)
    #expect(policy.action(for: "socket", [1 << 32 | 2, 1, 0]) == .trap)
    #expect(policy.action(for: "socket", [16, 3, 0]) == .trap)
    #expect(policy.action(for: "socket", [0, 1, 0]) == .trap)
  }

  @Test(
    "options that bring the kernel a program or a module are trapped, whoever sets them",
    arguments: sets
  )
  func socketOptions(promises: Promises) {
    let policy = CallPolicy(promises, process: 7)
    func action(_ level: UInt64, _ option: UInt64) -> CallAction {
      policy.action(for: "setsockopt", [3, level, option])
    }
    for option in [26, 50, 51, 52] as [UInt64] { #expect(action(1, option) == .trap, "\(option)") }
    for option in [13, 14, 19, 31, 32, 38] as [UInt64] {
      #expect(action(6, option) == .trap, "\(option)")
    }
    for (level, option) in [(0, 16), (0, 17), (41, 34), (41, 35)] as [(UInt64, UInt64)] {
      #expect(action(level, option) == .trap, "\(level) \(option)")
    }
    // Netfilter's tables of IP, IPv6 and ARP, and those of multicast routing.
    for level in [0, 41] as [UInt64] {
      for option in [64, 65, 96, 97, 128, 200, 1024, 1 << 31] as [UInt64] {
        #expect(action(level, option) == .refuse(ENOPROTOOPT), "\(level) \(option)")
      }
    }
    // SO_REUSEADDR, SO_KEEPALIVE, SO_RCVTIMEO, SO_REUSEPORT; TCP_NODELAY, TCP_FASTOPEN; IP_TOS,
    // IP_MTU_DISCOVER, IP_RECVERR, and the same of IPv6 but for IPV6_V6ONLY.
    let used = [
      (1, 2), (1, 9), (1, 20), (1, 15), (6, 1), (6, 23), (0, 1), (0, 10), (0, 11), (41, 23),
      (41, 25),
      (41, 26),
    ]
    for (level, option) in used {
      #expect(action(UInt64(level), UInt64(option)) == .allow, "\(level) \(option)")
    }
    // The kernel looks at the lower half of both.
    for (level, option) in [(1, 26), (6, 31), (6, 13), (0, 64), (41, 64)] as [(UInt64, UInt64)] {
      #expect(action(level, 1 << 32 | option) != .allow)
      #expect(action(1 << 32 | level, option) != .allow)
    }
  }

  @Test("the handler of broken promises cannot be changed, all others can", arguments: sets)
  func handlers(promises: Promises) {
    let policy = CallPolicy(promises, process: 7)
    for upper: UInt64 in [0, 1 << 32, 0xffff_ffff << 32] {
      for number in (0..<100 as Range<UInt64>) {
        let wanted: CallAction = number == UInt64(SIGSYS) ? .trap : .allow
        #expect(policy.action(for: "rt_sigaction", [upper | number]) == wanted, "\(number)")
      }
      #expect(policy.action(for: "rt_sigaction", [upper | 0xffff_ffff]) == .allow)
      #expect(policy.action(for: "rt_sigaction", [upper | 0x8000_001f]) == .allow)
    }
  }

  @Test("no process and no thread begins in a namespace of its own", arguments: sets)
  func namespaces(promises: Promises) {
    let policy = CallPolicy(promises, process: 7)
    let thread: UInt64 = 0x0001_0000
    let process = UInt64(SIGCHLD)
    #expect(policy.action(for: "clone", [thread]) == .allow)
    #expect((policy.action(for: "clone", [process]) == .allow) == promises.contains(.proc))
    for space: UInt64 in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000] {
      for flags in [space, space | 0x4000_0000] {
        for other in [thread, process, 1 << 32 | process] {
          #expect(policy.action(for: "clone", [flags | other]) == .trap, "\(flags | other)")
        }
      }
    }
  }

  @Test("what is sent connects nothing, whatever else its flags say", arguments: sets)
  func fastOpen(promises: Promises) {
    let policy = CallPolicy(promises, process: 7)
    let packets = !promises.isDisjoint(with: [.dns, .getpw])
    let messages = packets || promises.contains(.sendfd)
    let calls = [("sendto", 3, true), ("sendmsg", 2, messages), ("sendmmsg", 3, packets)]
    for (call, place, isAllowed) in calls {
      for flags in [0, UInt64(MSG_NOSIGNAL), 0x4040, 1 << 32] {
        var arguments = [UInt64](repeating: 5, count: 6)
        arguments[place] = flags
        #expect(policy.action(for: call, arguments) == (isAllowed ? .allow : .trap), "\(call)")
        arguments[place] |= 0x2000_0000
        #expect(policy.action(for: call, arguments) == (isAllowed ? .refuse(EOPNOTSUPP) : .trap))
      }
    }
  }

  @Test("a process may die with its parent, of SIGKILL, where it may be started", arguments: sets)
  func tethers(promises: Promises) {
    let policy = CallPolicy(promises, process: 7)
    let wanted: CallAction = promises.contains(.proc) ? .allow : .refuse(ENOSYS)
    #expect(policy.action(for: "prctl", [1, UInt64(SIGKILL)]) == wanted)
    for signal in [0, UInt64(SIGTERM), 1 << 32 | UInt64(SIGKILL)] {
      #expect(policy.action(for: "prctl", [1, signal]) == .refuse(ENOSYS))
    }
  }

  @Test("files open as their flags say")
  func opening() {
    let readOnly = CallPolicy([.stdio, .rpath], process: 7)
    #expect(readOnly.action(for: "openat", [0, 0, UInt64(O_RDONLY | O_CLOEXEC)]) == .allow)
    for flags in [O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_RDONLY | O_CREAT, 0o20_200_001] {
      let action = readOnly.action(for: "openat", [0, 0, UInt64(flags)])
      #expect(action == .trap, "\(flags)")
    }
    let none = CallPolicy([.stdio], process: 7)
    #expect(none.action(for: "openat", [0, 0, UInt64(O_RDONLY)]) == .refuse(EACCES))
    #expect(none.action(for: "openat2", []) == .refuse(ENOSYS))
    let writer = CallPolicy([.stdio, .wpath], process: 7)
    #expect(writer.action(for: "openat", [0, 0, UInt64(O_WRONLY)]) == .allow)
    #expect(writer.action(for: "openat", [0, 0, UInt64(O_WRONLY | O_CREAT)]) == .trap)
    #expect(writer.action(for: "openat", [0, 0, UInt64(O_RDWR)]) == .refuse(EACCES))
  }

  @Test("a terminal's modes are for who promised so, and its input can be made up by nobody")
  func terminals() {
    let asking = CallPolicy(RolePromises.asking, process: 7)
    let keys = CallPolicy(RolePromises.stated(by: .keys).words, process: 7)
    for request: UInt64 in [0x5402, 0x5403, 0x5404, 0x402c_542b, 0x402c_542c, 0x402c_542d] {
      #expect(asking.action(for: "ioctl", [0, request]) == .allow)
      #expect(keys.action(for: "ioctl", [0, request]) == .refuse(ENOSYS))
    }
    for request: UInt64 in [0x5412, 0x541c] {
      #expect(asking.action(for: "ioctl", [0, request]) == .trap)
    }
    #expect(RolePromises.asking.subtracting(RolePromises.stated(by: .keys).words) == [.tty])
  }

  @Test("what nobody has heard of is refused as unknown")
  func unknown() {
    let policy = CallPolicy(Promises(Promise.allCases), process: 7)
    for call in ["clone3", "a_call_of_tomorrow", "memfd_secret"] {
      #expect(policy.action(for: call, []) == .refuse(ENOSYS))
    }
  }
}
