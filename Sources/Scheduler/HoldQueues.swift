// SPDX-License-Identifier: ISC

/// The hold queues: envelopes that their deliverer has put aside, by the name it gave.
struct HoldQueues {
  struct Queue {
    var name: String
    var members = IndexList<HoldLinks>()
  }

  private(set) var all: [Queue] = []
  private var free: [UInt32] = []
  private(set) var indices: [String: UInt32] = [:]

  var count: Int { indices.count }
  /// Members that were looked at to take them out, since the start. For tests of what it costs.
  private(set) var looks = 0

  subscript(index: UInt32) -> Queue { all[Int(index)] }

  /// How many are in the queue of that name.
  func length(_ name: String) -> Int {
    indices[name].map { Int(all[Int($0)].members.count) } ?? 0
  }

  /// The one that came first; nil when there is no such queue.
  mutating func first(of name: String) -> UInt32? {
    guard let queue = indices[name] else { return nil }
    looks += 1
    return all[Int(queue)].members.head
  }

  /// Returns the index of the queue.
  mutating func append(_ slot: UInt32, to name: String, _ slots: inout SlotStore) -> UInt32 {
    let index: UInt32
    if let known = indices[name] {
      index = known
    } else if let reused = free.popLast() {
      index = reused
      all[Int(index)] = Queue(name: name)
      indices[name] = index
    } else {
      index = UInt32(all.count)
      all.append(Queue(name: name))
      indices[name] = index
    }
    all[Int(index)].members.append(slot, &slots)
    return index
  }

  /// A queue that is empty is forgotten.
  mutating func remove(_ slot: UInt32, from index: UInt32, _ slots: inout SlotStore) {
    let place = Int(index)
    all[place].members.remove(slot, &slots)
    guard all[place].members.isEmpty else { return }
    indices[all[place].name] = nil
    all[place].name = ""
    free.append(index)
  }
}
