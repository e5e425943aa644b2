// SPDX-License-Identifier: ISC

internal import Glibc

/// A thread that runs one function to its end.
package enum WorkThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts `body` on a thread of its own, which nobody joins.
  package static func start(_ body: @escaping @Sendable () -> Void) {
    // The thread takes over the reference that is retained for it here.
    let retained = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread,
      nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      },
      retained
    )
    precondition(result == 0, "no thread: \(systemError(result))")
    pthread_detach(thread)
  }
}
