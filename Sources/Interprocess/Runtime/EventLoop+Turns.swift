// SPDX-License-Identifier: ISC

package import NIOCore

extension EventLoop {
  /// Runs `body` once the loop has looked for what has arrived meanwhile, so that long work in parts holds
  /// up nobody. To be called on the loop.
  package func executeAfterReading(_ body: @escaping () -> Void) {
    let loop = assumeIsolated()
    // A loop runs all tasks that are due before it reads again, those that they add among them: so this
    // one must not be due, and that is measured from behind the tasks that are due now.
    loop.execute { loop.scheduleTask(in: .microseconds(50), body) }
  }
}
