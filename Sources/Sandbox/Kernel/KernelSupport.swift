// SPDX-License-Identifier: ISC

internal import CSandbox

/// Which parts of the sandbox this kernel, and this build, have.
package struct KernelSupport: Equatable, Sendable {
  /// seccomp with traps, and libseccomp in the build.
  package var filtersCalls: Bool
  /// The version of Landlock's interface; 0 for none.
  package var landlock: Int

  package init(filtersCalls: Bool, landlock: Int) {
    self.filtersCalls = filtersCalls
    self.landlock = landlock
  }

  /// What is here.
  package static var current: KernelSupport {
    KernelSupport(
      filtersCalls: SeccompFilter.isBuiltIn && talaria_sandbox_has_filters() != 0,
      landlock: Int(talaria_landlock_version())
    )
  }

  /// What the operator should know; nil when everything that counts is there.
  package var warning: String? {
    var missing: [String] = []
    if !filtersCalls {
      missing.append(
        SeccompFilter.isBuiltIn ? "seccomp (system calls)" : "seccomp (system calls; not built in)"
      )
    }
    // By the version that brought them.
    let rules = [
      2: "the queue's files", 3: "truncation", 4: "TCP", 5: "device ioctls",
      6: "signals and abstract sockets",
    ]
    if landlock == 0 {
      missing.append("Landlock (files, network, signals)")
    } else if landlock < 6 {
      let lacked = (landlock + 1...6).compactMap { rules[$0] }
      missing.append("Landlock's rules for \(lacked.joined(separator: ", "))")
    }
    guard !missing.isEmpty else { return nil }
    return "the sandbox lacks \(missing.joined(separator: ", ")); the rest of it holds"
  }
}
