// SPDX-License-Identifier: ISC

#if !Seccomp
  /// What stands for a filter in a build without libseccomp: nothing is filtered.
  final class SeccompFilter {
    /// Whether the build has libseccomp.
    static let isBuiltIn = false

    /// How rules become actions of the kernel.
    enum Mode {
      case enforced
      case asked
    }

    init(_ rules: [CallRule], otherwise: CallAction, _ mode: Mode) throws(SandboxError) {
      throw SandboxError(step: "seccomp", reason: "not built in")
    }

    func load() throws(SandboxError) {}

    func notifications() throws(SandboxError) -> Int32 { -1 }

    static func number(of call: String) -> Int32? { nil }

    static func name(of number: Int32) -> String? { nil }
  }

  /// Nothing is asked in a build without libseccomp.
  final class CallWatcher: Sendable {
    init(name: String, policy: CallPolicy) throws(SandboxError) {
      throw SandboxError(step: "seccomp", reason: "not built in")
    }

    func watch(_ descriptor: Int32) {}
  }
#endif
