// SPDX-License-Identifier: ISC

package import NIOCore
internal import NIOPosix
package import Queue

/// The store on its thread, one operation at a time: commits before everything else, readers in turn,
/// and upkeep when nothing waits.
///
/// Lives on the role's loop, which decides what is next; the thread only carries it out.
package final class StoreWorker {
  /// One operation on the store's thread. Its result goes back to the role's loop.
  private struct Job {
    let run: @Sendable (any Store) -> @Sendable () -> Void
    /// What tells that it is not done; nil when it waits as long as it takes.
    var refuse: ((StoreError) -> Void)?
  }

  private let loop: any EventLoop
  private let storeLoop: any EventLoop
  private let store: NIOLoopBoundBox<(any Store)?>
  private var readers: [Job] = []
  private var firstReader = 0
  /// Goes before everything, and also while the store is unwell.
  private var repairs: [Job] = []
  private var isBusy = false
  /// Whether there is a store: before that, nothing that it is given to do is begun.
  private(set) var isOpen = false
  private var condition = Condition.well
  private var trouble: StoreError?
  private var needsUpkeep = false
  private var upkeepTimer: Scheduled<Void>?
  /// How long nothing must have waited before upkeep begins.
  private static let idleBeforeUpkeep = TimeAmount.milliseconds(50)
  /// Asked for the next commit whenever the thread is free; runs it with `commit`.
  package var nextCommit: () -> GroupWork? = { nil }
  /// How long the store waited for the disk the last time.
  package private(set) var lastSync = Duration.zero
  /// Records in quarantine.
  package private(set) var quarantined = 0
  /// Told when an operation, a read even, has put records into quarantine.
  package var quarantineGrew: () -> Void = {}

  /// Whether the store can be asked.
  package enum Condition: Sendable {
    case well
    /// Nothing but repairs: it may be closed, and what it says may not be what will be.
    case unwell
  }

  /// A commit that is ready, and who is told.
  package struct GroupWork {
    let changes: [Change]
    let finished: (Result<Void, StoreError>) -> Void

    package init(changes: [Change], finished: @escaping (Result<Void, StoreError>) -> Void) {
      self.changes = changes
      self.finished = finished
    }
  }

  package init(on loop: any EventLoop) {
    self.loop = loop
    storeLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
    store = .makeEmptyBox(valueType: (any Store).self, eventLoop: storeLoop)
  }

  /// Makes the store on its thread and opens it. All else waits until that has succeeded, which may take
  /// several times.
  package func open(
    _ make: @escaping @Sendable () throws(StoreError) -> any Store,
    finished: @escaping (Result<OpenReport, StoreError>) -> Void
  ) {
    precondition(!isBusy && !isOpen)
    isBusy = true
    let done = NIOLoopBound(finished, eventLoop: loop)
    let me = NIOLoopBound(self, eventLoop: loop)
    let box = store
    let loop = loop
    storeLoop.execute {
      let result = Result { () throws(StoreError) in
        let store = try make()
        let report = try store.open()
        box.value = store
        return (report, store.statistics().quarantined)
      }
      loop.execute {
        if case .success((_, let count)) = result {
          me.value.isOpen = true
          me.value.quarantined = count
        }
        done.value(result.map(\.0))
        me.value.free()
      }
    }
  }

  /// Runs `body` on the store's thread when no commit waits, and tells the result.
  package func read<Value: Sendable>(
    _ body: @escaping @Sendable (any Store) throws(StoreError) -> Value,
    finished: @escaping (Result<Value, StoreError>) -> Void
  ) {
    readers.append(job(body, finished))
    pump()
  }

  /// Runs `body` before everything that waits, whatever the condition of the store.
  package func repair<Value: Sendable>(
    _ body: @escaping @Sendable (any Store) throws(StoreError) -> Value,
    finished: @escaping (Result<Value, StoreError>) -> Void
  ) {
    repairs.append(job(body, finished))
    pump()
  }

  /// As `read`, for somebody who waits for an answer: a failure when the store stays unwell.
  package func ask<Value: Sendable>(
    _ body: @escaping @Sendable (any Store) throws(StoreError) -> Value,
    finished: @escaping (Result<Value, StoreError>) -> Void
  ) {
    if let trouble {
      let done = NIOLoopBound(finished, eventLoop: loop)
      return loop.execute { done.value(.failure(trouble)) }
    }
    var job = job(body, finished)
    job.refuse = { finished(.failure($0)) }
    readers.append(job)
    pump()
  }

  package func set(_ condition: Condition) {
    self.condition = condition
    if condition == .well { trouble = nil }
    pump()
  }

  /// The store could not be opened again: those who ask are told so until it is well.
  package func staysUnwell(_ error: StoreError) {
    precondition(condition == .unwell)
    trouble = .unwell(error)
    let waiting = readers[firstReader...]
    (readers, firstReader) = (waiting.filter { $0.refuse == nil }, 0)
    for job in waiting { job.refuse?(.unwell(error)) }
  }

  private func job<Value: Sendable>(
    _ body: @escaping @Sendable (any Store) throws(StoreError) -> Value,
    _ finished: @escaping (Result<Value, StoreError>) -> Void
  ) -> Job {
    let done = NIOLoopBound(finished, eventLoop: loop)
    return Job { store in
      let result = Result { () throws(StoreError) in try body(store) }
      return { done.value(result) }
    }
  }

  /// A commit may be ready.
  package func pump() {
    guard !isBusy, isOpen else { return }
    if !repairs.isEmpty { return run(repairs.removeFirst().run) }
    guard condition == .well else { return }
    if let work = nextCommit() {
      commit(work)
    } else if firstReader < readers.count {
      let job = readers[firstReader]
      firstReader += 1
      if firstReader == readers.count || firstReader > 1024 {
        readers.removeFirst(firstReader)
        firstReader = 0
      }
      run(job.run)
    } else if needsUpkeep, upkeepTimer == nil {
      // Not between two commits that follow each other: a checkpoint would delay the second.
      upkeepTimer = loop.assumeIsolated().scheduleTask(in: StoreWorker.idleBeforeUpkeep) {
        [unowned self] in
        upkeepTimer = nil
        if !isBusy, needsUpkeep { upkeep() }
      }
    }
  }

  private func commit(_ work: GroupWork) {
    let done = NIOLoopBound(work.finished, eventLoop: loop)
    let changes = work.changes
    needsUpkeep = true
    run { store in
      let result = Result { () throws(StoreError) in try store.apply(changes) }
      return { done.value(result) }
    }
  }

  private func upkeep() {
    let me = NIOLoopBound(self, eventLoop: loop)
    run { store in
      // What upkeep cannot do now it says at the next commit, which reports it.
      let state = (try? store.maintain()) ?? .done
      return { me.value.needsUpkeep = state == .more }
    }
  }

  private func run(_ body: @escaping @Sendable (any Store) -> @Sendable () -> Void) {
    isBusy = true
    upkeepTimer?.cancel()
    upkeepTimer = nil
    let me = NIOLoopBound(self, eventLoop: loop)
    let box = store
    let loop = loop
    storeLoop.execute {
      guard let store = box.value else { preconditionFailure("the store is not open") }
      let tell = body(store)
      let statistics = store.statistics()
      loop.execute {
        me.value.lastSync = statistics.lastSync
        me.value.nowQuarantined(statistics.quarantined)
        tell()
        me.value.free()
      }
    }
  }

  private func nowQuarantined(_ count: Int) {
    let before = quarantined
    quarantined = count
    if count > before { quarantineGrew() }
  }

  private func free() {
    isBusy = false
    pump()
  }
}
