// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import NIOCore
internal import Queue
internal import Scheduler

/// Hands out message identifiers: none before the cursor that covers it is durable.
final class IdentifierDesk {
  /// Numbers that are looked at in one go.
  private static let lookedAtOnce: UInt64 = 64

  private unowned let queue: QueueService
  private var cursor: IdentifierCursor?
  private var waiting: [(count: UInt32, give: (MessageID, UInt32) -> Void)] = []
  private var isExtending = false
  /// Whether the store may have messages that the schedule does not know.
  private var mustAsk = false
  /// Messages of which something was in quarantine at the start: it may come back. What goes there later
  /// is behind the cursor.
  private var aside: Set<MessageID> = []

  init(_ queue: QueueService) { self.queue = queue }

  func begin(storedCursor: [UInt8]?, aside: Set<MessageID>) {
    self.aside = aside
    cursor = IdentifierCursor(stored: storedCursor)
    serve()
  }

  /// Calls `give` with the first of at most `count` identifiers, at least one.
  func reserve(_ count: UInt32, _ give: @escaping (MessageID, UInt32) -> Void) {
    waiting.append((count, give))
    serve()
  }

  /// A number was another message's, which somebody else has put into the store. There may be more.
  func collided() { mustAsk = true }

  private func serve() {
    guard !isExtending, var cursor else { return }
    while let next = waiting.first {
      if let value = cursor.extend(for: next.count) {
        isExtending = true
        self.cursor = cursor
        queue.commit([.set(IdentifierCursor.setting, value)], .now) { [unowned self] in
          isExtending = false
          serve()
        }
        return
      }
      let block = cursor.block(of: next.count) { [queue, aside] id in
        queue.scheduler.knows(id) || queue.intakeDesk?.isOpen(id) == true || aside.contains(id)
      }
      self.cursor = cursor
      guard let block else { continue }
      waiting.removeFirst()
      confirm(block.first, block.count, next.give)
    }
  }

  /// Asks the store where the schedule does not know all that is live: while it is still being read, and
  /// when others put messages into it.
  private func confirm(
    _ first: MessageID,
    _ count: UInt32,
    _ give: @escaping (MessageID, UInt32) -> Void
  ) {
    guard queue.loading != .complete || mustAsk else { return give(first, count) }
    look(UInt64(first.rawValue)..<UInt64(first.rawValue) + UInt64(count), give)
  }

  /// Goes on to the block's end, though the reading may end meanwhile.
  private func look(_ block: Range<UInt64>, _ give: @escaping (MessageID, UInt32) -> Void) {
    let count = UInt32(block.count)
    queue.worker.read({ store throws(StoreError) in
      try IdentifierDesk.free(of: block, in: store)
    }) { [unowned self] result in
      switch result {
      case .failure:
        queue.context.loop.assumeIsolated().scheduleTask(in: .seconds(1)) { [unowned self] in
          reserve(count, give)
        }
      case .success(let free):
        guard free.lowerBound < block.upperBound, let id = MessageID(UInt32(free.lowerBound)) else {
          return reserve(count, give)
        }
        guard free.isEmpty else { return give(id, UInt32(free.count)) }
        look(free.lowerBound..<block.upperBound, give)
      }
    }
  }

  /// The first numbers of a block, side by side, that are no message's in the store. Empty where it ends
  /// when these are all, or for now: commits go between.
  private static func free(
    of block: Range<UInt64>,
    in store: any Store
  ) throws(StoreError) -> Range<UInt64> {
    var start = block.lowerBound
    while start < block.upperBound, start - block.lowerBound < lookedAtOnce {
      let before = EnvelopeID(start << 32 - 1)
      let found = try store.page(after: before, limit: 1).envelopes.first?.message.id
      guard let found, found.rawValue < block.upperBound else { return start..<block.upperBound }
      guard found.rawValue == start else { return start..<UInt64(found.rawValue) }
      start += 1
    }
    return start..<start
  }
}
