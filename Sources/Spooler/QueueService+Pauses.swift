// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Queue
internal import Scheduler

extension QueueService {
  func applyPauses() {
    for (subsystem, kind) in [
      (Pauses.Subsystems.mda, Scheduler.Kind.local), (.mta, .relay),
    ] {
      let isPaused = pauses.current.contains(subsystem)
      if isPaused { _ = scheduler.pause(kind) } else { _ = scheduler.resume(kind) }
    }
    intakeDesk?.listening(pauses.current.contains(.smtp) ? .paused : .open)
    dispatchDesk?.pump()
  }

  /// Pauses or resumes a subsystem at once, and calls back when that is durable. Returns false when it
  /// was so already.
  func setPaused(
    _ subsystem: Pauses.Subsystems,
    _ wanted: Pauses.Wanted,
    recorded: @escaping () -> Void
  ) -> Bool {
    guard pauses.change(subsystem, wanted) else { return false }
    applyPauses()
    // The next queue process is told of `-P` again otherwise.
    if wanted == .running { context.tell(.resumed(subsystem.rawValue)) }
    commit([.set(Pauses.setting, pauses.stored)], .now, finished: recorded)
    return true
  }
}
