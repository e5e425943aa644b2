// SPDX-License-Identifier: ISC

internal import Configuration
internal import Disk
internal import Interprocess
internal import Mail
internal import NIOCore
internal import NIOPosix
internal import Queue

/// Watches the room on the queue's disk: refuses new mail while it is nearly full, and keeps a reserve
/// that is given up so that deletions can still be recorded.
final class SpaceDesk {
  private enum Limits {
    /// How often the free space is looked at.
    static let interval = TimeAmount.seconds(1)
    /// How long after a full disk the next try is made.
    static let patience = TimeAmount.milliseconds(250)
    /// Of the reserve, in bytes. The filesystem store has one of its own.
    static let reserve = 16 << 20
  }

  /// Envelopes in flight at most while the disk is short of room.
  static let inFlightWhenShort = 64

  /// From a commit that found no room until there is some again, and with it the reserve.
  var isShort = false
  private unowned let queue: QueueService
  private let watcher: SpaceWatcher?
  private let diskLoop: any EventLoop

  /// - Parameter disk: the spool; nil for a store without one.
  init(_ queue: QueueService, disk: (any Disk)?) {
    self.queue = queue
    let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
    diskLoop = loop
    let size = queue.projection.backend == .filesystem ? 0 : Limits.reserve
    watcher = disk.map { SpaceWatcher(disk: $0, size: size, on: loop) }
    look()
  }

  private func look() {
    guard let watcher else { return }
    let settled = queue.intakeDesk?.bytesSettled ?? 0
    ask({ watcher.look() }) { [unowned self] seen in
      let isNearlyFull = seen?.isNearlyFull() ?? false
      queue.intakeDesk?.room(seen?.room() ?? .max, whenSettled: settled)
      if !isNearlyFull, queue.health == .good, isShort {
        isShort = false
        queue.dispatchDesk?.pump()
      }
      // What a failed commit refuses stays refused until the store is well.
      if queue.health == .good {
        queue.intakeDesk?.space(isNearlyFull ? Intake.shortOfSpace : nil)
      }
      later(Limits.interval) { [unowned self] in look() }
    }
  }

  /// What a full disk was given.
  enum Relief {
    case reserve
    case none
  }

  /// Not even a deletion could be recorded: gives the reserve up, ours or that of the open store, and calls
  /// back when it is time to try again.
  func relieve(_ again: @escaping (Relief) -> Void) {
    guard let watcher else { return later(Limits.patience) { again(.none) } }
    ask({ watcher.releaseReserve() }) { [unowned self] wasReleased in
      guard !wasReleased, queue.worker.isOpen else { return relieved(wasReleased, again) }
      queue.worker.repair({ store throws(StoreError) in try store.releaseReserve() }) {
        [unowned self] in
        relieved((try? $0.get()) == true, again)
      }
    }
  }

  private func relieved(_ wasReleased: Bool, _ again: @escaping (Relief) -> Void) {
    if wasReleased {
      queue.context.log.warn("queue: the disk is full; the reserve is given up for deletions")
    }
    later(Limits.patience) { again(wasReleased ? .reserve : .none) }
  }

  private func later(_ time: TimeAmount, _ body: @escaping () -> Void) {
    queue.context.loop.assumeIsolated().scheduleTask(in: time) { body() }
  }

  private func ask<Answer: Sendable>(
    _ question: @escaping @Sendable () -> Answer,
    _ answered: @escaping (Answer) -> Void
  ) {
    let loop = queue.context.loop
    let done = NIOLoopBound(answered, eventLoop: loop)
    diskLoop.execute {
      let answer = question()
      loop.execute { done.value(answer) }
    }
  }
}

/// The part of it that may wait for the disk, on a thread of its own.
private final class SpaceWatcher: Sendable {
  private let disk: any Disk
  private let reserve: NIOLoopBoundBox<SpaceReserve?>

  init(disk: any Disk, size: Int, on loop: any EventLoop) {
    self.disk = disk
    reserve = .makeEmptyBox(valueType: SpaceReserve.self, eventLoop: loop)
    guard size > 0 else { return }
    loop.execute { self.reserve.value = SpaceReserve(disk: disk, size: size) }
  }

  /// Looks, and fills the reserve again where there is room. A disk that cannot be asked, nil, counts as
  /// roomy: its commits will say what is wrong.
  func look() -> DiskSpace? {
    _ = try? reserve.value?.build()
    return try? disk.space()
  }

  func releaseReserve() -> Bool { (try? reserve.value?.release()) ?? false }
}
