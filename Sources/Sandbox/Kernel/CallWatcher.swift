// SPDX-License-Identifier: ISC

#if Seccomp
  internal import CSeccomp
  internal import Glibc
  internal import Synchronization

  /// The thread that a filter in `asked` mode asks: it logs what enforcement would have ended or refused,
  /// and lets the rest go through. Started before the filter is loaded, it is not bound itself.
  final class CallWatcher: Sendable {
    private let name: String
    private let policy: CallPolicy
    private let ends: (read: CInt, write: CInt)

    init(name: String, policy: CallPolicy) throws(SandboxError) {
      self.name = name
      self.policy = policy
      var pair: [CInt] = [-1, -1]
      // The call writes two numbers into an array of two.
      guard unsafe pipe(&pair) == 0 else {
        throw SandboxError(step: "pipe", reason: "error \(errno)")
      }
      ends = (pair[0], pair[1])
      // The thread takes over the reference that is retained for it here.
      let retained = unsafe Unmanaged.passRetained(self).toOpaque()
      var thread = pthread_t()
      let outcome = unsafe pthread_create(
        &thread,
        nil,
        { argument in
          guard let argument = unsafe argument else { return nil }
          // The reference that `init` gave away.
          unsafe Unmanaged<CallWatcher>.fromOpaque(argument).takeRetainedValue().run()
          return nil
        },
        retained
      )
      guard outcome == 0 else {
        throw SandboxError(step: "pthread_create", reason: "error \(outcome)")
      }
      pthread_detach(thread)
    }

    /// The filter is loaded and asks over this descriptor.
    func watch(_ descriptor: CInt) {
      var number = descriptor
      // One number from a local variable.
      _ = unsafe write(ends.write, &number, MemoryLayout<CInt>.size)
    }

    private func run() {
      var descriptor: CInt = -1
      // One number into a local variable.
      guard unsafe read(ends.read, &descriptor, MemoryLayout<CInt>.size) == MemoryLayout<CInt>.size
      else { return }
      var request: UnsafeMutablePointer<seccomp_notif>?
      var response: UnsafeMutablePointer<seccomp_notif_resp>?
      // Both are allocated by the library and live as long as the thread.
      guard unsafe seccomp_notify_alloc(&request, &response) == 0, let request = unsafe request,
        let response = unsafe response
      else { return }
      var told: Set<String> = []
      while true {
        // The kernel wants it zeroed.
        unsafe memset(request, 0, MemoryLayout<seccomp_notif>.size)
        guard unsafe seccomp_notify_receive(descriptor, request) == 0 else { continue }
        let asked = unsafe request.pointee
        let answer = answer(to: asked.data, &told)
        unsafe response.pointee.id = asked.id
        unsafe response.pointee.val = 0
        unsafe response.pointee.error = answer
        // SECCOMP_USER_NOTIF_FLAG_CONTINUE
        unsafe response.pointee.flags = answer == 0 ? 1 : 0
        _ = unsafe seccomp_notify_respond(descriptor, response)
      }
    }

    /// Zero for a call that goes through, else a negative errno.
    private func answer(to data: seccomp_data, _ told: inout Set<String>) -> Int32 {
      let call = SeccompFilter.name(of: data.nr) ?? "call \(data.nr)"
      let all = data.args
      let arguments = [all.0, all.1, all.2, all.3, all.4, all.5]
      let action = policy.action(for: call, arguments)
      let words: String
      let answer: Int32
      switch action {
      case .allow: return 0
      case .trap: (words, answer) = ("promise broken", 0)
      case .refuse(let number): (words, answer) = ("refused with error \(number)", -number)
      }
      let shown = arguments.prefix(3).map { "0x" + String($0, radix: 16) }.joined(separator: ", ")
      // Refusals are many, and each is told once; a broken promise is told with its arguments.
      let key = action == .trap ? "\(call) \(shown)" : call
      guard told.count < 4096, told.insert(key).inserted else { return answer }
      let line = Array("warn: \(name): sandbox: \(words): \(call)(\(shown), …)\n".utf8)
      // The array is read during the call only.
      _ = unsafe write(STDERR_FILENO, line, line.count)
      return answer
    }
  }
#endif
