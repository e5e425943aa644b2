// SPDX-License-Identifier: ISC

internal import CSandbox
internal import Glibc

/// The kernel's hold on this process. Entered once, from the only thread, after the user is given up and
/// before the event loop is made: Landlock binds the calling thread and those that it starts.
///
/// It only ever narrows: `narrowed` takes a part of the promises, and the kernel adds filters and never
/// takes one away.
package struct Sandbox: ~Copyable {
  /// Resource limits.
  package enum Limits {
    /// Threads of a user that runs roles only, of every server on the host together.
    package static let processes: UInt64 = 1024
  }

  private let confinement: Confinement

  /// Confines the process for good.
  ///
  /// Parts that `support` says are absent are left out; a part that is there and fails is an error.
  ///
  /// - Throws: the process must end then, for it may be confined in part.
  package static func enter(
    _ confinement: Confinement,
    support: KernelSupport = .current
  ) throws(SandboxError) -> Sandbox {
    try conceal()
    try limit(confinement)
    try check(talaria_sandbox_no_new_privileges(), "no_new_privs")
    if support.landlock > 0, confinement.mode == .enforced {
      try LandlockRules(confinement, version: support.landlock).enter()
    }
    if support.filtersCalls { try filter(confinement) }
    return Sandbox(confinement: confinement)
  }

  /// Gives up promises.
  ///
  /// - Throws: when `promises` has a word that was not promised before; nothing has changed then.
  package consuming func narrowed(to promises: Promises) throws(SandboxError) -> Sandbox {
    guard promises.isSubset(of: confinement.promises) else {
      let words = promises.subtracting(confinement.promises).map(\.rawValue).sorted()
      throw SandboxError(step: "narrow", reason: "not promised: \(words.joined(separator: " "))")
    }
    var narrower = confinement
    narrower.promises = promises
    if KernelSupport.current.filtersCalls, narrower.mode == .enforced {
      try Sandbox.filter(narrower)
    }
    return Sandbox(confinement: narrower)
  }

  /// Hides the process's memory from its user's other processes. For those that are not confined.
  package static func conceal() throws(SandboxError) {
    try check(talaria_sandbox_conceal(), "dumpable")
  }

  /// Closes what a process may have been left with, from a descriptor on.
  package static func closeDescriptors(from first: UInt32) throws(SandboxError) {
    try check(talaria_sandbox_close_from(first), "close_range")
  }

  private static func limit(_ confinement: Confinement) throws(SandboxError) {
    try check(talaria_sandbox_limit(TALARIA_LIMIT_CORE, 0), "core limit")
    if !confinement.promises.contains(.wpath) {
      try check(talaria_sandbox_limit(TALARIA_LIMIT_FILE_SIZE, 0), "file size limit")
    }
    if let most = confinement.openFiles {
      try check(talaria_sandbox_limit(TALARIA_LIMIT_OPEN_FILES, most), "open files limit")
    }
    if confinement.user == .own {
      try check(
        talaria_sandbox_limit(TALARIA_LIMIT_PROCESSES, Limits.processes),
        "process limit"
      )
    }
  }

  private static func filter(_ confinement: Confinement) throws(SandboxError) {
    let policy = CallPolicy(confinement.promises, process: getpid())
    switch confinement.mode {
    case .enforced:
      for rule in policy.rules where rule.action == .trap {
        guard let number = SeccompFilter.number(of: rule.call) else { continue }
        // The name is copied during the call.
        unsafe talaria_trap_name(number, rule.call)
      }
      // The name is copied during the call.
      try check(unsafe talaria_trap_install(confinement.name), "SIGSYS")
      try SeccompFilter(policy.rules, otherwise: CallPolicy.otherwise, .enforced).load()
    case .logged:
      let watcher = try CallWatcher(name: confinement.name, policy: policy)
      let filter = try SeccompFilter(policy.rules, otherwise: CallPolicy.otherwise, .asked)
      try filter.load()
      watcher.watch(try filter.notifications())
    }
  }

  private static func check(_ outcome: CInt, _ step: String) throws(SandboxError) {
    guard outcome < 0 else { return }
    // strerror's text is copied before any other call.
    let reason = unsafe strerror(errno).map { unsafe String(cString: $0) }
    throw SandboxError(step: step, reason: reason ?? "error \(errno)")
  }
}
