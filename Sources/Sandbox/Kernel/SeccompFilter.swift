// SPDX-License-Identifier: ISC

#if Seccomp
  internal import CSandbox
  internal import CSeccomp
  internal import Glibc

  /// A filter of libseccomp, from rules to the kernel.
  @safe
  final class SeccompFilter {
    /// Whether the build has libseccomp.
    static let isBuiltIn = true

    /// How rules become actions of the kernel.
    enum Mode {
      case enforced
      /// Whoever reads `notifications` is asked instead of trapping and refusing.
      case asked
    }

    // Made in init, released in deinit, used by this object alone.
    private let context: scmp_filter_ctx
    private let mode: Mode

    /// - Throws: when libseccomp cannot express a rule. Calls that this platform does not have are passed
    ///   over.
    init(_ rules: [CallRule], otherwise: CallAction, _ mode: Mode) throws(SandboxError) {
      let action = SeccompFilter.action(otherwise, mode)
      // The result is checked, and released in deinit.
      guard let context = unsafe seccomp_init(action) else {
        throw SandboxError(step: "seccomp_init", reason: "refused")
      }
      unsafe self.context = context
      self.mode = mode
      try set(SCMP_FLTATR_ACT_BADARCH, mode == .enforced ? trap : SeccompFilter.allow)
      try set(SCMP_FLTATR_CTL_NNP, 1)
      if mode == .enforced { try set(SCMP_FLTATR_CTL_TSYNC, 1) }
      // A tree instead of a list, in libseccomp 2.5 and newer; elsewhere it is only slower.
      _ = unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
      for rule in rules where SeccompFilter.action(rule.action, mode) != action { try add(rule) }
    }

    // Releases what init made.
    deinit { unsafe seccomp_release(context) }

    /// Binds this thread, and in `enforced` mode all others, for good.
    func load() throws(SandboxError) {
      // The filter is complete; the kernel copies it.
      let outcome = unsafe seccomp_load(context)
      guard outcome == 0 else { throw SandboxError(step: "seccomp", reason: reason(outcome)) }
    }

    /// Where calls are asked about, once an `asked` filter was loaded.
    func notifications() throws(SandboxError) -> CInt {
      // The filter is loaded.
      let descriptor = unsafe seccomp_notify_fd(context)
      guard descriptor >= 0 else {
        throw SandboxError(step: "seccomp_notify_fd", reason: reason(descriptor))
      }
      return descriptor
    }

    private func set(_ attribute: scmp_filter_attr, _ value: UInt32) throws(SandboxError) {
      // The context lives as long as this object.
      let outcome = unsafe seccomp_attr_set(context, attribute, value)
      guard outcome == 0 else {
        throw SandboxError(step: "seccomp_attr_set \(attribute.rawValue)", reason: reason(outcome))
      }
    }

    private func add(_ rule: CallRule) throws(SandboxError) {
      guard let number = SeccompFilter.number(of: rule.call) else { return }
      let tests = rule.tests.map { SeccompFilter.comparison($0) }
      // The array is read during the call only, for the length given.
      let outcome = unsafe seccomp_rule_add_array(
        context,
        SeccompFilter.action(rule.action, mode),
        number,
        UInt32(tests.count),
        tests
      )
      guard outcome == 0 else {
        throw SandboxError(step: "seccomp rule for \(rule.call)", reason: reason(outcome))
      }
    }

    private func reason(_ outcome: CInt) -> String {
      // strerror's text is copied before any other call.
      unsafe strerror(-outcome).map { unsafe String(cString: $0) } ?? "error \(-outcome)"
    }

    private static let allow: UInt32 = 0x7fff_0000
    private static let trapping: UInt32 = 0x0003_0000
    private static let asking: UInt32 = 0x7fc0_0000
    private static let refusing: UInt32 = 0x0005_0000

    private var trap: UInt32 { SeccompFilter.trapping }

    private static func action(_ action: CallAction, _ mode: Mode) -> UInt32 {
      switch (action, mode) {
      case (.allow, _): allow
      case (_, .asked): asking
      case (.trap, .enforced): trapping
      case (.refuse(let number), .enforced): refusing | UInt32(number & 0xffff)
      }
    }

    private static func comparison(_ test: ArgumentTest) -> scmp_arg_cmp {
      let (operation, one, other): (scmp_compare, UInt64, UInt64) =
        switch test.comparison {
        case .equal(let value): (SCMP_CMP_EQ, value, 0)
        case .unequal(let value): (SCMP_CMP_NE, value, 0)
        case .below(let value): (SCMP_CMP_LT, value, 0)
        case .above(let value): (SCMP_CMP_GT, value, 0)
        case .masked(let mask, let value): (SCMP_CMP_MASKED_EQ, mask, value)
        }
      return scmp_arg_cmp(arg: test.argument, op: operation, datum_a: one, datum_b: other)
    }

    /// The number of a call on this platform; nil when it has none.
    static func number(of call: String) -> CInt? {
      // The name is read during the call only.
      let number = unsafe seccomp_syscall_resolve_name(call)
      return number >= 0 ? number : nil
    }

    /// The name of a call of this platform.
    static func name(of number: CInt) -> String? {
      // The result is a copy that is ours to free, once.
      guard let text = unsafe seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number) else {
        return nil
      }
      defer { unsafe free(text) }
      return unsafe String(cString: text)
    }
  }
#endif
