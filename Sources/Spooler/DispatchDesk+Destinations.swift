// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Queue
internal import Scheduler

/// Destinations that cannot be reached: nothing is sent there until the pause is over, then one task
/// finds out; once it is delivered everything goes.
extension DispatchDesk {
  /// Delivery will not try what goes the same way as this task.
  func rest(_ task: UInt64, _ milliseconds: UInt32) {
    guard let dispatched = bodies?[task], dispatched.destination.kind == .relay else { return }
    dispatched.isOfRestingDestination = true
    let pause = min(Int64(milliseconds), RestingDestinations.Limits.rest)
    queue.scheduler.block(
      .relay,
      dispatched.destination.name,
      until: Clock.now() + .milliseconds(pause)
    )
  }

  /// Before the outcome is in the schedule: what it says of the envelope's destination.
  ///
  /// - Parameter task: nil when an earlier process of ours dispatched it.
  func noteDestination(
    _ stored: StoredEnvelope,
    _ report: DeliveryReport,
    _ task: DispatchedTask?
  ) {
    guard stored.envelope.kind == .relay else { return }
    switch report.result {
    case .delivered:
      let name = task?.destination.name ?? queue.entries.destination(of: stored.envelope)
      guard let deferred = resting.works(name) else { return }
      queue.scheduler.unblock(.relay, name)
      let now = Clock.now()
      for id in deferred {
        guard let status = queue.scheduler.status(of: id), status.state == .pending,
          status.destination == name
        else { continue }
        _ = queue.scheduler.schedule(id, at: now)
      }
    case .temporary:
      guard let task, task.isOfRestingDestination else { return }
      resting.remember(stored.envelope.id, for: task.destination.name, at: Clock.now()) {
        queue.scheduler.status(of: $0) != nil
      }
    case .permanent, .loop, .held: break
    }
  }
}
