// SPDX-License-Identifier: ISC

/// Which two fields of a slot a list runs through.
protocol Links {
  static func next(_ slot: borrowing Slot) -> UInt32
  static func previous(_ slot: borrowing Slot) -> UInt32
  static func setNext(_ slot: inout Slot, _ index: UInt32)
  static func setPrevious(_ slot: inout Slot, _ index: UInt32)
}

extension Links {
  /// Both at once: each access to a slot costs its check for uniqueness.
  static func set(_ slot: inout Slot, previous: UInt32, next: UInt32) {
    setPrevious(&slot, previous)
    setNext(&slot, next)
  }
}

/// The list of the place that an envelope is in.
enum PlaceLinks: Links {
  static func next(_ slot: borrowing Slot) -> UInt32 { slot.next }
  static func previous(_ slot: borrowing Slot) -> UInt32 { slot.previous }
  static func setNext(_ slot: inout Slot, _ index: UInt32) { slot.next = index }
  static func setPrevious(_ slot: inout Slot, _ index: UInt32) { slot.previous = index }
}

/// The list of a hold queue.
enum HoldLinks: Links {
  static func next(_ slot: borrowing Slot) -> UInt32 { slot.holdNext }
  static func previous(_ slot: borrowing Slot) -> UInt32 { slot.holdPrevious }
  static func setNext(_ slot: inout Slot, _ index: UInt32) { slot.holdNext = index }
  static func setPrevious(_ slot: inout Slot, _ index: UInt32) { slot.holdPrevious = index }
}

/// A doubly linked list of slots that costs its members nothing but two of their fields.
struct IndexList<L: Links> {
  private(set) var head = nowhere
  private(set) var tail = nowhere
  private(set) var count: UInt32 = 0

  var isEmpty: Bool { head == nowhere }

  mutating func append(_ index: UInt32, _ slots: inout SlotStore) {
    L.set(&slots[index], previous: tail, next: nowhere)
    if tail == nowhere { head = index } else { L.setNext(&slots[tail], index) }
    tail = index
    count += 1
  }

  mutating func prepend(_ index: UInt32, _ slots: inout SlotStore) {
    L.set(&slots[index], previous: nowhere, next: head)
    if head == nowhere { tail = index } else { L.setPrevious(&slots[head], index) }
    head = index
    count += 1
  }

  mutating func remove(_ index: UInt32, _ slots: inout SlotStore) {
    precondition(count > 0)
    let next = L.next(slots[index])
    let previous = L.previous(slots[index])
    if previous == nowhere { head = next } else { L.setNext(&slots[previous], next) }
    if next == nowhere { tail = previous } else { L.setPrevious(&slots[next], previous) }
    L.set(&slots[index], previous: nowhere, next: nowhere)
    count -= 1
  }

  /// The members from head to tail. A walk that finds more than `count` of them stops.
  func members(_ slots: borrowing SlotStore) -> [UInt32] {
    var found: [UInt32] = []
    var index = head
    while index != nowhere, found.count <= Int(count) {
      found.append(index)
      index = L.next(slots[index])
    }
    return found
  }
}
