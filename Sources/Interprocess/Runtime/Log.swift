// SPDX-License-Identifier: ISC

internal import Glibc
internal import Mail
package import NIOCore
internal import Synchronization

/// A role's log: lines on descriptor 2, which the supervisor reads and writes on.
///
/// Lines of one turn of the event loop leave in one write. Logging never blocks: when the supervisor
/// does not read, lines wait up to a bound and are then dropped and counted.
package final class Log: Sendable {
  /// How much text may wait, in bytes.
  package static let backlogMax = 1 << 20

  private struct State {
    var waiting: [UInt8] = []
    var isScheduled = false
    var lost = 0
    var verbosity: UInt8 = 0
  }

  private let state = Mutex(State())
  private let loop: any EventLoop

  package init(on loop: any EventLoop) {
    self.loop = loop
    _ = fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK)
  }

  /// Writes one line, in which no peer can forge another one, nor tell a terminal anything.
  package func line(_ text: String) {
    let mustSchedule = state.withLock { state in
      guard state.waiting.count < Log.backlogMax else {
        state.lost += 1
        return false
      }
      state.waiting.append(contentsOf: text.visible().utf8)
      state.waiting.append(0x0a)
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if mustSchedule { loop.execute { self.flush() } }
  }

  /// `info: …`
  package func info(_ text: String) { line("info: " + text) }

  /// `warn: …`: something that an operator may have to act upon.
  package func warn(_ text: String) { line("warn: " + text) }

  /// `debug: …`, only when the log is verbose.
  package func debug(_ text: @autoclosure () -> String) {
    if state.withLock({ $0.verbosity > 0 }) { line("debug: " + text()) }
  }

  package func setVerbosity(_ level: UInt8) {
    state.withLock { $0.verbosity = level }
  }

  /// Writes what waits, before the process ends.
  package func flushNow() { flush() }

  private func flush() {
    let mustRetry = state.withLock { state in
      state.isScheduled = false
      if state.lost > 0, state.waiting.count < Log.backlogMax {
        state.waiting += Array("warn: \(state.lost) log lines were lost\n".utf8)
        state.lost = 0
      }
      guard !state.waiting.isEmpty else { return false }
      // The array is written from during the call only.
      let written = unsafe write(STDERR_FILENO, state.waiting, state.waiting.count)
      if written > 0 { state.waiting.removeFirst(written) }
      guard !state.waiting.isEmpty, written > 0 || errno == EAGAIN || errno == EINTR else {
        state.waiting.removeAll(keepingCapacity: true)
        return false
      }
      state.isScheduled = true
      return true
    }
    if mustRetry { loop.scheduleTask(in: .milliseconds(5)) { self.flush() } }
  }
}
