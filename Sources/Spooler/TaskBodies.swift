// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import Queue
internal import Scheduler

/// The tasks that delivery has, and the bodies that stream to it: as much as it gave credit for.
final class TaskBodies {
  typealias Send = (QueueToDelivery) -> Void

  private unowned let queue: QueueService
  private let send: Send
  private var tasks: [UInt64: DispatchedTask] = [:]
  /// Bytes of bodies that travelled with tasks and have no report yet.
  private(set) var inlineBytes = 0
  private var load: DestinationLoad

  init(_ queue: QueueService, send: @escaping Send) {
    self.queue = queue
    self.send = send
    load = DestinationLoad(queue.projection)
  }

  func add(_ id: UInt64, _ task: DispatchedTask) {
    inlineBytes += task.inlineBytes
    tasks[id] = task
  }

  subscript(id: UInt64) -> DispatchedTask? { tasks[id] }

  /// A task left the schedule: it ends with `drop`, or with `ended` when it is never added.
  func begun(_ key: DestinationLoad.Key) {
    queue.scheduler.set(room: load.begun(key), of: key.kind, key.name)
  }

  func ended(_ key: DestinationLoad.Key) {
    queue.scheduler.set(room: load.ended(key), of: key.kind, key.name)
  }

  /// Forgets a task, and returns it.
  @discardableResult
  func drop(_ id: UInt64) -> DispatchedTask? {
    guard let dropped = tasks.removeValue(forKey: id) else { return nil }
    dropped.stop()
    inlineBytes -= dropped.inlineBytes
    ended(dropped.destination)
    return dropped
  }

  /// Forgets the tasks of which no envelope is in hand any more.
  func dropTasks(without isInHand: (EnvelopeID) -> Bool) {
    for (id, task) in tasks where !task.envelopes.contains(where: isInHand) { drop(id) }
  }

  func stop(_ id: UInt64) { tasks[id]?.stop() }

  func stopAll() {
    for task in tasks.values {
      task.stop()
      task.hasLostEdge = true
    }
  }

  func credit(_ id: UInt64, _ bytes: Int) {
    guard let task = tasks[id] else {
      return send(.bodyFailed(task: id, reason: "the queue was restarted"))
    }
    // It was not asked for over the edge that it went over, and would be waited for for ever.
    guard !task.hasLostEdge else {
      return send(.bodyFailed(task: id, reason: "the queue has begun anew"))
    }
    guard !task.isStopped else { return }
    task.credit += bytes
    stream(id, task)
  }

  private func stream(_ id: UInt64, _ task: DispatchedTask) {
    while task.mayRead {
      let count = min(task.credit, EdgeLimits.bodyChunk)
      guard let body = queue.hot[task.message.id]?.body else {
        return read(id, task, count)
      }
      took(id, task, Array(body.dropFirst(task.offset).prefix(count)), of: count)
    }
  }

  private func read(_ id: UInt64, _ task: DispatchedTask, _ count: Int) {
    let (message, offset) = (task.message.id, task.offset)
    task.isReading = true
    queue.worker.read({ store throws(StoreError) in
      try store.body(of: message, from: offset, count: count)
    }) { [self] result in
      task.isReading = false
      guard tasks[id] === task, !task.isStopped else { return }
      switch result {
      case .failure(let error):
        queue.context.log.warn("queue: message \(message): \(error)")
        task.stop()
        failed(id, message, error)
      case .success(let bytes):
        took(id, task, bytes, of: count)
        stream(id, task)
      }
    }
  }

  /// What will not be better the next time is quarantined before delivery hears of it, so that its
  /// report is not taken for a failure that may pass.
  private func failed(_ id: UInt64, _ message: MessageID, _ error: StoreError) {
    guard error.isAboutTheRequest else {
      return send(.bodyFailed(task: id, reason: "\(error)"))
    }
    queue.setAside(message) { [self] in
      guard tasks[id] != nil else { return }
      send(.bodyFailed(task: id, reason: "\(error)"))
    }
  }

  private func took(_ id: UInt64, _ task: DispatchedTask, _ bytes: [UInt8], of count: Int) {
    if !bytes.isEmpty { send(.body(task: id, bytes)) }
    task.offset += bytes.count
    task.credit -= bytes.count
    guard bytes.count < count || task.offset >= task.message.size else { return }
    task.stop()
    guard task.offset >= task.message.size else {
      let message = task.message
      let problem = "\(task.offset) bytes of \(message.size)"
      queue.context.log.warn("queue: message \(message.id): its body ends early: \(problem)")
      return failed(id, message.id, .damaged(path: "message \(message.id)", problem: problem))
    }
    send(.bodyEnd(task: id))
  }
}

/// A task that delivery has.
final class DispatchedTask {
  let message: Message
  let envelopes: [EnvelopeID]
  let destination: DestinationLoad.Key
  let inlineBytes: Int
  var credit = 0
  var offset = 0
  var isReading = false
  /// Delivery has said that nothing that goes the same way will be tried for a while.
  var isOfRestingDestination = false
  private(set) var isStopped = false
  /// The edge that it went over has ended.
  var hasLostEdge = false

  init(
    message: Message,
    envelopes: [EnvelopeID],
    destination: DestinationLoad.Key,
    inlineBytes: Int
  ) {
    self.message = message
    self.envelopes = envelopes
    self.destination = destination
    self.inlineBytes = inlineBytes
  }

  var mayRead: Bool { !isReading && !isStopped && credit > 0 }

  func stop() {
    isStopped = true
    credit = 0
  }
}
