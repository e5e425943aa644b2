// SPDX-License-Identifier: ISC

import Mail

@testable import Scheduler

/// The scheduler's rules written down as plainly as can be: a dictionary, and a walk over all of it
/// each time. It says what may be handed out, not in which order.
struct NaiveScheduler {
  struct Item {
    var kind: Scheduler.Kind
    var destination: String
    var created: Int64
    var expiry: Int64
    var due: Int64
    var tries: Int64 = 0
    var state = Scheduler.State.pending
    var isSuspended = false
    var isRemoved = false
    var isAlone = false
    var isExpiring = false
    var hold = ""
  }

  var items: [EnvelopeID: Item] = [:]
  var paused: Set<Scheduler.Kind> = []
  var now: Int64

  static func base(_ kind: Scheduler.Kind) -> Int64 { kind == .relay ? 400 : 10 }

  /// What is due, and by its kind's pause whether it may go.
  mutating func settle() {
    for (id, item) in items {
      guard item.state == .pending || item.state == .held else { continue }
      let isOver = item.expiry <= now
      guard isOver || (item.state == .pending && item.due <= now) else { continue }
      if item.state == .held { items[id]?.due = now }
      items[id]?.state = isOver && !paused.contains(item.kind) ? .expired : .scheduled
    }
  }

  func ids(_ state: Scheduler.State) -> Set<EnvelopeID> {
    Set(items.filter { $0.value.state == state }.keys)
  }

  mutating func deferred(_ id: EnvelopeID, base: Int64?) {
    guard var item = items[id] else { return }
    let base = base ?? NaiveScheduler.base(item.kind)
    var step = item.tries
    while item.created + base * step * step <= now { step += 1 }
    item.due = item.created + base * step * step
    items[id] = item
  }

  /// Back from flight, or out of a hold queue.
  mutating func wait(_ id: EnvelopeID) {
    let isSuspended = items[id]?.isSuspended == true
    items[id]?.state = isSuspended ? .suspended : .pending
    settle()
  }

  func isLast(_ id: EnvelopeID) -> Bool {
    !items.keys.contains { $0.message == id.message && $0 != id }
  }

  mutating func erase(_ id: EnvelopeID) -> Scheduler.Siblings {
    let siblings: Scheduler.Siblings = isLast(id) ? .none : .remain
    items[id] = nil
    return siblings
  }
}
