// SPDX-License-Identifier: ISC

import Glibc
import Interprocess

/// What is expected of an attempt: the usual outcome, and the roles whose outcome is another. Written by
/// hand, so that a change of the lists of promises is seen here.
struct Expectation {
  typealias Outcome = ProbeRun.Outcome

  let argument: String
  let usual: Outcome
  let but: [Role: Outcome]
  /// The call that the log must name when the attempt ends the process.
  let call: String

  init(
    _ usual: Outcome,
    _ call: String = "",
    of argument: String = "",
    but: [Role: Outcome] = [:]
  ) {
    self.usual = usual
    self.call = call
    self.argument = argument
    self.but = but
  }

  /// By attempt.
  static func all(_ ground: ProbeGround, landlock: Int) -> [String: Expectation] {
    var all = process
    all.merge(others(hasScopes: landlock >= 6)) { one, _ in one }
    all.merge(files(ground)) { one, _ in one }
    all.merge(sockets(ground, hasPorts: landlock >= 4)) { one, _ in one }
    return all
  }

  /// What concerns the process alone.
  private static var process: [String: Expectation] {
    var all: [String: Expectation] = [:]
    for name in [
      "thread", "wait", "limits", "signal-self", "send-bytes", "take-descriptor", "other-handlers",
    ] {
      all[name] = Expectation(.works)
    }
    for name in ["own-handler", "hidden-handler"] {
      all[name] = Expectation(.killed, "rt_sigaction")
    }
    all["open-files"] = Expectation(.works, of: "100")
    for name in ["clone3", "unknown"] { all[name] = Expectation(.refused) }
    all["dumpable"] = Expectation(.killed, "prctl")
    all["executable-memory"] = Expectation(.killed, "mprotect", but: [.accounts: .works])
    all["foreign"] = Expectation(.killed, "a call of another architecture")
    return all
  }

  /// What concerns other processes and the system.
  private static func others(hasScopes: Bool) -> [String: Expectation] {
    let parent = "\(getpid())"
    var all: [String: Expectation] = [:]
    let calls = [
      "become": "setresuid", "bpf": "bpf", "change-root": "chroot", "clone-spaces": "clone",
      "clone-user": "clone", "exec": "execve",
      "fork": "clone", "io-ring": "io_uring_setup", "keys": "keyctl", "kill-group": "kill",
      "mount": "mount", "perf": "perf_event_open", "terminal": "ioctl",
      "unshare": "unshare",
    ]
    for (name, call) in calls { all[name] = Expectation(.killed, call) }
    // Accounts reads files of users in processes that become them.
    let reading: [String: Outcome] = [
      "become": getuid() == 0 ? .works : .refused, "fork": .works, "kill-group": .works,
    ]
    for (name, outcome) in reading {
      all[name] = Expectation(.killed, calls[name] ?? "", but: [.accounts: outcome])
    }
    // By vfork or by clone, as the platform has it.
    all["run"] = Expectation(.killed, but: [.accounts: .refused])
    all["trace"] = Expectation(.killed, "ptrace", of: parent)
    let signalling: [Role: Outcome] = [.accounts: hasScopes ? .refused : .works]
    all["kill"] = Expectation(.killed, "kill", of: parent, but: signalling)
    all["kill-thread"] = Expectation(.killed, "tgkill", of: parent, but: signalling)
    // Who asks name servers or services needs sendmsg, and the kernel cannot see what is in it.
    let asking: [Role: Outcome] = [.accounts: .works, .resolver: .works]
    all["send-descriptor"] = Expectation(.killed, "sendmsg", but: asking)
    return all
  }

  private static func files(_ ground: ProbeGround) -> [String: Expectation] {
    let passwords = "/etc/passwd"
    var all: [String: Expectation] = [:]
    all["read-file"] = Expectation(.refused, of: passwords, but: [.accounts: .works])
    // Landlock does not hide that a file is there; the empty root of a queue that root started does.
    let asking: [Role: Outcome] = [.accounts: .works, .queue: .works]
    all["stat-file"] = Expectation(.refused, of: passwords, but: asking)
    let written = ground.directory + "/written"
    let refused: [Role: Outcome] = [.queue: .refused]
    all["write-file"] = Expectation(.killed, "openat", of: written, but: refused)
    all["overwrite"] = Expectation(.killed, "openat", of: ground.key, but: refused)
    all["read-key"] = Expectation(.refused, of: ground.key, but: [.accounts: .works])
    all["remove-file"] = Expectation(.killed, "unlink", of: ground.key, but: refused)
    all["change-mode"] = Expectation(.killed, "chmod", of: ground.key)
    let below: [Role: Outcome] = [.queue: .works, .accounts: .killed]
    all["files"] = Expectation(.refused, "mkdirat", of: ground.spool, but: below)
    all["find-user"] = Expectation(.killed, "socket", but: [.accounts: .works])
    return all
  }

  private static func sockets(_ ground: ProbeGround, hasPorts: Bool) -> [String: Expectation] {
    func connecting(_ outcome: Outcome) -> [Role: Outcome] {
      [.accounts: outcome, .delivery: outcome, .resolver: outcome]
    }
    var all: [String: Expectation] = [:]
    for name in ["raw-socket", "packet-socket", "multipath-socket"] {
      all[name] = Expectation(.killed, "socket")
    }
    for name in ["tcp-socket", "tcp6-socket"] {
      all[name] = Expectation(.killed, "socket", but: connecting(.works))
    }
    let asking: [Role: Outcome] = [.accounts: .works, .resolver: .works]
    all["udp-socket"] = Expectation(.killed, "socket", but: asking)
    all["unix-socket"] = Expectation(.killed, "socket", but: [.accounts: .works])
    let answering = "\(ground.port)"
    all["connect"] = Expectation(.killed, "socket", of: answering, but: connecting(.works))
    all["datagram-pair"] = Expectation(.killed, "socketpair")
    for name in ["socket-option", "ip-option", "ip6-option"] { all[name] = Expectation(.works) }
    for name in ["packet-tables", "packet-tables6"] { all[name] = Expectation(.refused) }
    for name in [
      "attach-filter", "attach-program", "attach-group-filter", "attach-group-program",
      "upper-protocol", "repair", "congestion", "signature", "encryption-policy",
    ] {
      all[name] = Expectation(.killed, "setsockopt")
    }
    let first = connecting(.refused)
    all["send-first"] = Expectation(.killed, "socket", of: answering, but: first)
    let firstMessage: [Role: Outcome] = [.accounts: .refused, .resolver: .refused]
    all["send-first-message"] = Expectation(.killed, of: answering, but: firstMessage)
    // The socket of one, the listen of the other.
    let bound: Outcome = hasPorts ? .refused : .works
    all["bind"] = Expectation(.killed, of: "\(ground.freePort)", but: connecting(bound))
    all["listen"] = Expectation(.killed)
    let accepting: [Role: Outcome] = [.frontend: .works, .control: .works]
    all["accept"] = Expectation(.killed, "accept4", but: accepting)
    return all
  }
}
