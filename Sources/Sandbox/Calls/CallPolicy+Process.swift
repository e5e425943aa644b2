// SPDX-License-Identifier: ISC

internal import Glibc

/// Memory, threads, signals and knobs: allowed for the process itself.
extension CallPolicy {
  /// No memory that is to be executed.
  static let memory: [CallRule] = ["mmap", "mprotect"].flatMap { call in
    CallRule.split(call, argument: 2, mask: UInt64(PROT_EXEC)) { $0 == 0 ? .allow : .trap }
  }

  /// Threads, processes with `proc`, and neither in namespaces of their own: who is root in one may do there
  /// what is otherwise kept for root. `clone3` takes its flags by pointer and is refused as unknown; the C
  /// library then falls back.
  static func clones(_ promises: Promises) -> [CallRule] {
    func rule(_ mask: UInt64, _ value: UInt64, _ action: CallAction) -> CallRule {
      CallRule("clone", [ArgumentTest(0, .masked(mask, value))], action)
    }
    let thread: UInt64 = 0x0001_0000
    // Of mounts, groups, names, queues, users, processes and networks.
    let spaces: UInt64 = 0x7e02_0000
    // Each with the bits before it absent, so that the rules do not overlap.
    let apart = (0..<32).map { UInt64(1) << $0 }.filter { $0 & spaces != 0 }.map { space in
      rule(spaces & (space | (space - 1)), space, .trap)
    }
    guard !promises.contains(.proc) else { return apart + [rule(spaces, 0, .allow)] }
    return apart + [rule(spaces | thread, thread, .allow), rule(spaces | thread, 0, .trap)]
  }

  /// Handlers of signals, but for the one that a broken promise raises: that handler is there before the
  /// filter is, and stays. The kernel reads the lower half of the argument.
  static let handlers: [CallRule] = CallRule.split(
    "rt_sigaction",
    argument: 0,
    word: UInt32(SIGSYS),
    .trap,
    else: .allow
  )

  /// Signals to the process itself, as abort(3) sends one.
  static func ownSignals(_ process: UInt64) -> [CallRule] {
    ["kill", "tgkill"].flatMap { call in
      [
        CallRule(call, [ArgumentTest(0, .equal(process))], .allow),
        CallRule(call, [ArgumentTest(0, .unequal(process))], .trap),
      ]
    }
  }

  /// Questions by calls that could also change things. Limits of what is started may be lowered.
  static func questions(_ promises: Promises) -> [CallRule] {
    let lowering: CallAction = promises.contains(.proc) ? .allow : .refuse(EPERM)
    return asking + [
      CallRule("prlimit64", [ArgumentTest(0, .equal(0)), ArgumentTest(2, .equal(0))], .allow),
      CallRule("prlimit64", [ArgumentTest(0, .equal(0)), ArgumentTest(2, .unequal(0))], lowering),
      CallRule("prlimit64", [ArgumentTest(0, .unequal(0))], .trap),
    ]
  }

  private static let asking: [CallRule] = [
    // fstat(2) is one of these with an empty path in newer C libraries.
    CallRule("newfstatat", [ArgumentTest(3, .masked(emptyPath, emptyPath))], .allow),
    CallRule("newfstatat", [ArgumentTest(3, .masked(emptyPath, 0))], .refuse(EACCES)),
    CallRule("statx", [ArgumentTest(2, .masked(emptyPath, emptyPath))], .allow),
    CallRule("statx", [ArgumentTest(2, .masked(emptyPath, 0))], .refuse(EACCES)),
  ]

  private static let emptyPath: UInt64 = 0x1000

  /// That a process dies with its parent, which one that starts others has to say before it is another
  /// user's: PR_SET_PDEATHSIG with SIGKILL, and with nothing else.
  static func tethers(_ promises: Promises) -> [CallRule] {
    guard promises.contains(.proc) else { return [] }
    let tests = [ArgumentTest(0, .equal(1)), ArgumentTest(1, .equal(UInt64(SIGKILL)))]
    return [CallRule("prctl", tests, .allow)]
  }

  /// The knobs of descriptors and of the process that libraries turn, and those that nobody may.
  static let control: [CallRule] =
    // FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, and TCGETS by which isatty(3) asks.
    one("ioctl", 1, of: [0x541b, 0x5421, 0x5451, 0x5450, 0x5401], .allow)
    // TIOCSTI and TIOCLINUX write into terminals.
    + one("ioctl", 1, of: [0x5412, 0x541c], .trap)
    // PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS
    + one("prctl", 0, of: [15, 16, 3, 38, 39], .allow)
    // PR_SET_DUMPABLE: off, never on.
    + [
      CallRule("prctl", [ArgumentTest(0, .equal(4)), ArgumentTest(1, .equal(0))], .allow),
      CallRule("prctl", [ArgumentTest(0, .equal(4)), ArgumentTest(1, .unequal(0))], .trap),
    ]
    // PR_SET_PTRACER, PR_SET_MM
    + one("prctl", 0, of: [0x5961_6d61, 35], .trap)
    // Another filter, which can only take away: SECCOMP_SET_MODE_FILTER, SECCOMP_GET_ACTION_AVAIL
    + one("seccomp", 0, of: [1, 2], .allow)

  /// The modes of a terminal, as newer C libraries ask for them, too: TCGETS2, TCSETS, TCSETSW and TCSETSF, and
  /// the last three with 2 behind their names. Input cannot be made up with any of them.
  static func terminals(_ promises: Promises) -> [CallRule] {
    guard promises.contains(.tty) else { return [] }
    let former: [UInt64] = [0x5402, 0x5403, 0x5404]
    let newer: [UInt64] = [0x802c_542a, 0x402c_542b, 0x402c_542c, 0x402c_542d]
    return one("ioctl", 1, of: former + newer, .allow)
  }

  /// fcntl(2): the usual; locks with `flock`; no signals for others.
  static func locks(_ promises: Promises) -> [CallRule] {
    // F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ,
    // F_GET_SEALS
    let usual: [UInt64] = [0, 1, 2, 3, 4, 1030, 1031, 1032, 1034]
    // F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW
    let locks: [UInt64] = [5, 6, 7, 36, 37, 38]
    // F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
    let signals: [UInt64] = [8, 10, 15, 1024, 1026]
    return one("fcntl", 1, of: usual, .allow)
      + one("fcntl", 1, of: locks, promises.contains(.flock) ? .allow : .refuse(EACCES))
      + one("fcntl", 1, of: signals, .trap)
  }

  private static func one(
    _ call: String,
    _ argument: UInt32,
    of values: [UInt64],
    _ action: CallAction
  ) -> [CallRule] {
    values.map { CallRule(call, [ArgumentTest(argument, .equal($0))], action) }
  }
}
