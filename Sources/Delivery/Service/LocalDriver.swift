// SPDX-License-Identifier: ISC

import Glibc
import Mail
import NIOCore

/// Runs local deliveries as `LocalPool` lets them: a command for each task, which has one envelope.
final class LocalDriver {
  private struct Live {
    let task: UInt64
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

  var counts: LocalPool.Counts { pool.counts }

  func reconfigure() { pool.limits = service.settings.localLimits }

  func begin(_ task: DeliveryTask) {
    guard task.envelopes.count == 1, case .local(let delivery) = task.envelopes[0].kind else {
      return service.conclude(task.id, .temporary(nil, "The task is not one local delivery"))
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
      case .start(let task): start(task)
      case .hold(let task, let hold): service.conclude(task, .held(hold))
      case .release(let hold, .some(let count)): service.emit(.release(hold, count: count))
      case .release(let hold, .all): service.emit(.release(hold, count: nil))
      case .log(let line): service.log(line)
      }
    }
  }

  private func start(_ id: UInt64) {
    guard let task = service.task(id) else { return perform(pool.ended(task: id)) }
    let request = service.nextRequest()
    let session = LocalDeliverySession(
      on: service.eventLoop,
      message: task.message,
      envelope: task.envelopes[0],
      settings: service.settings
    ) { [weak self] event in self?.happened(event, request) }
    live[request] = Live(
      task: id,
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
            envelope: task.envelopes[0],
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
    let line = DeliveryLog.local(
      live.id,
      task.message,
      task.envelopes[0],
      outcome,
      at: service.clock()
    )
    if let line { service.log(line) }
    service.conclude(live.task, outcome)
    perform(pool.ended(task: live.task))
  }
}
