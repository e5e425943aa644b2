// SPDX-License-Identifier: ISC

import Glibc
import Mail
import NIOCore

/// Runs local deliveries as `LocalPool` lets them: one command for each envelope, one envelope of a
/// task after the other.
final class LocalDriver {
  private struct Live {
    let task: UInt64
    let position: Int
    let id: SessionID
    let session: LocalDeliverySession
  }

  private unowned let service: DeliveryService
  private var pool: LocalPool
  private var live: [UInt64: Live] = [:]

  init(_ service: DeliveryService) {
    self.service = service
    pool = LocalPool(service.settings.localLimits, firstHold: 1 << 32)
  }

  func reconfigure() { pool.limits = service.settings.localLimits }

  func begin(_ task: DeliveryTask) {
    guard case .local(let delivery) = task.envelopes[0].kind else {
      return service.conclude(task.id, .temporary(nil, "The envelope is not for a local delivery"))
    }
    perform(pool.begin(task: task.id, for: delivery.user))
  }

  func started(_ request: UInt64, input: CInt, output: CInt) {
    guard let live = live[request] else {
      close(input)
      close(output)
      return
    }
    live.session.started(input: input, output: output)
  }

  func ended(_ request: UInt64, _ exit: CommandExit, unread: Int) {
    live[request]?.session.ended(exit, unread: unread)
  }

  func supervisorReplaced() {
    for live in Array(live.values) { live.session.abandoned() }
  }

  private func perform(_ actions: [LocalPool.Action]) {
    for action in actions {
      switch action {
      case .start(let task): tryEnvelope(0, of: task)
      case .hold(let task, let hold): service.conclude(task, .held(hold))
      case .release(let hold, .some(let count)): service.emit(.release(hold, count: count))
      case .release(let hold, .all): service.emit(.release(hold, count: nil))
      case .log(let line): service.log(line)
      }
    }
  }

  private func tryEnvelope(_ position: Int, of id: UInt64) {
    guard let task = service.task(id) else { return perform(pool.ended(task: id)) }
    let request = service.nextRequest()
    let session = LocalDeliverySession(
      on: service.eventLoop,
      message: task.message,
      envelope: task.envelopes[position],
      settings: service.settings
    ) { [weak self] event in self?.happened(event, request) }
    live[request] = Live(
      task: id,
      position: position,
      id: SessionID(.random(in: 1 ... .max)),
      session: session
    )
    service.openBody(task)
    service.passBody(task) { [weak session] piece in session?.bodyArrived(piece) }
  }

  private func happened(_ event: LocalDeliverySession.Event, _ request: UInt64) {
    guard let live = live[request], let task = service.task(live.task) else { return }
    switch event {
    case .request(let length):
      service.emit(
        .startCommand(
          LocalCommandRequest(
            id: request,
            action: task.action,
            envelope: task.envelopes[live.position],
            sender: task.message.sender,
            length: length
          )
        )
      )
    case .fed: service.emit(.commandFed(request: request))
    case .kill: service.emit(.killCommand(request: request))
    case .bodyPassedOn(let count): service.bodyPassedOn(live.task, count)
    case .ended(let outcome): ended(live, request, task, outcome)
    }
  }

  private func ended(
    _ live: Live,
    _ request: UInt64,
    _ task: DeliveryTask,
    _ outcome: DeliveryOutcome
  ) {
    self.live[request] = nil
    service.note(live.task, live.position, outcome)
    let line = DeliveryLog.local(
      live.id,
      task.message,
      task.envelopes[live.position],
      outcome,
      at: service.clock()
    )
    if let line { service.log(line) }
    let next = live.position + 1
    // What is still on its way of a body that was not read whole cannot be told from a second one.
    let bodyEnd = service.closeBody(live.task)
    if next < task.envelopes.count, bodyEnd == .whole {
      // Not from within the session that just ended.
      service.eventLoop.assumeIsolated().execute { [weak self] in
        self?.tryEnvelope(next, of: live.task)
      }
    } else {
      service.conclude(live.task, .returned)
      perform(pool.ended(task: live.task))
    }
  }
}
