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
    switch landlock {
    case 0: missing.append("Landlock (files and network)")
    case 1...2: missing.append("Landlock's rules for truncation and TCP")
    case 3: missing.append("Landlock's rules for TCP")
    default: break
    }
    guard !missing.isEmpty else { return nil }
    return "the sandbox lacks \(missing.joined(separator: ", ")); the rest of it holds"
  }
}
