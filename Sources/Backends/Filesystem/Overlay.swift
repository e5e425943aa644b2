// SPDX-License-Identifier: ISC

internal import Mail
internal import StoreJournal

/// What the journal knows that the tree does not: places in the journal, hardly any content.
struct Overlay {
  /// One message of which something is in the journal only.
  struct Entry {
    enum Base {
      /// It came by the journal; the tree, if it has anything of it, does not count.
      case journal(Origin)
      /// It is in the tree; `envelopes` says what has changed since.
      case tree
      /// It was removed; the tree may still have it.
      case gone
    }

    var base: Base
    /// The oldest epoch with a change of this message.
    var epoch: UInt64
    /// The tree may have a directory of it.
    var mayBeInTree: Bool
    /// In rising order of their low halves.
    var envelopes: [Slot] = []

    var hasStagedBody: Bool {
      if case .journal(let origin) = base, case .staged = origin.body { return true }
      return false
    }

    /// The entry with as many of its envelopes: what there is goes before what was removed, so that the
    /// last one that knows something of the body is there for the others.
    func part(atMost limit: Int) -> Entry {
      guard envelopes.count > limit else { return self }
      var part = self
      part.envelopes = Array(envelopes.filter { $0.record != nil }.prefix(limit))
      let room = limit - part.envelopes.count
      part.envelopes += envelopes.filter { $0.record == nil }.prefix(room)
      part.envelopes.sort { $0.low < $1.low }
      return part
    }

    func index(of low: UInt32) -> Int? {
      let index = position(of: low)
      return index < envelopes.count && envelopes[index].low == low ? index : nil
    }

    /// Where `low` is or would be.
    func position(of low: UInt32) -> Int {
      var first = 0
      var end = envelopes.count
      while first < end {
        let middle = (first + end) / 2
        if envelopes[middle].low < low { first = middle + 1 } else { end = middle }
      }
      return first
    }

    mutating func set(_ slot: Slot) {
      let index = position(of: slot.low)
      if index < envelopes.count, envelopes[index].low == slot.low {
        envelopes[index] = slot
      } else {
        envelopes.insert(slot, at: index)
      }
    }
  }

  /// How many messages have something in the journal only, and are not gone.
  var liveMessages: Int {
    entries.values.reduce(0) { count, entry in
      if case .gone = entry.base { count } else { count + 1 }
    }
  }

  /// Where a message is in the journal.
  struct Origin {
    var stamp: JournalStamp
    var message: JournalPlace
    /// The whole change, for checking it.
    var whole: JournalPlace
    var body: JournalChange.Body
    /// The checksum of the change up to its body, once somebody has read that from its beginning.
    var beforeBody: Checksum?
  }

  struct Slot {
    var low: UInt32
    /// Nil when the envelope was removed.
    var record: (message: JournalPlace, envelope: JournalPlace)?
  }

  private(set) var entries: [MessageID: Entry] = [:]
  private var order = MessageOrder()
  var isEmpty: Bool { entries.isEmpty }

  subscript(id: MessageID) -> Entry? { entries[id] }

  /// The least identifier behind `id` that has an entry.
  mutating func next(after id: MessageID?) -> MessageID? {
    order.settle(entries)
    return order.next(after: id) { entries[$0] != nil }
  }

  /// Takes a change that is in the journal.
  ///
  /// - Parameter isInTree: asked of an inserted message that has no entry.
  mutating func carryOut(
    _ change: JournalChange,
    _ stamp: JournalStamp,
    isInTree: (MessageID) -> Bool
  ) {
    let epoch = stamp.epoch
    switch change {
    case .insert(let insert):
      let old = entries[insert.id]
      var entry = Entry(
        base: .journal(
          Origin(
            stamp: stamp,
            message: insert.message,
            whole: insert.whole,
            body: insert.body
          )
        ),
        epoch: min(old?.epoch ?? epoch, epoch),
        mayBeInTree: old?.mayBeInTree ?? isInTree(insert.id)
      )
      entry.envelopes = insert.envelopes
        .map { Slot(low: $0.low, record: (insert.message, $0.record)) }
        .sorted { $0.low < $1.low }
      store(entry, for: insert.id)
    case .put(let put):
      let slot = Slot(low: put.id.low, record: (put.message, put.envelope))
      edit(put.id.message, epoch) { $0.set(slot) }
    case .removeEnvelope(let id):
      edit(id.message, epoch) { entry in
        if case .journal = entry.base {
          if let index = entry.index(of: id.low) { entry.envelopes.remove(at: index) }
        } else {
          entry.set(Slot(low: id.low, record: nil))
        }
      }
    case .removeMessage(let id):
      if let entry = entries[id], case .journal = entry.base, !entry.mayBeInTree {
        entries[id] = nil
      } else {
        let epoch = min(entries[id]?.epoch ?? epoch, epoch)
        store(Entry(base: .gone, epoch: epoch, mayBeInTree: true), for: id)
      }
    case .set: break
    }
  }

  private mutating func edit(
    _ id: MessageID,
    _ epoch: UInt64,
    _ body: (inout Entry) -> Void
  ) {
    if entries[id] == nil {
      store(Entry(base: .tree, epoch: epoch, mayBeInTree: true), for: id)
    } else if case .gone? = entries[id]?.base {
      return
    }
    body(&entries[id, default: Entry(base: .tree, epoch: epoch, mayBeInTree: true)])
  }

  private mutating func store(_ entry: Entry, for id: MessageID) {
    if entries.updateValue(entry, forKey: id) == nil { order.insert(id) }
  }

  /// The tree has it all now, or the part of that size; the rest then is what has changed since.
  mutating func forget(_ id: MessageID, atMost limit: Int = .max) {
    guard var entry = entries[id], entry.envelopes.count > limit else {
      entries[id] = nil
      return
    }
    let done = Set(entry.part(atMost: limit).envelopes.map(\.low))
    entry.base = .tree
    entry.envelopes.removeAll { done.contains($0.low) }
    entries[id] = entry
  }

  mutating func remember(beforeBody sum: Checksum, of id: MessageID) {
    guard case .journal(var origin)? = entries[id]?.base else { return }
    origin.beforeBody = sum
    entries[id]?.base = .journal(origin)
  }

  mutating func willWriteToTree(_ id: MessageID) { entries[id]?.mayBeInTree = true }
}

/// The identifiers of the entries in rising order, with some that are gone among them.
private struct MessageOrder {
  private var ids: [MessageID] = []
  private var isSorted = true

  mutating func insert(_ id: MessageID) {
    if let last = ids.last, last >= id { isSorted = false }
    ids.append(id)
  }

  mutating func settle(_ entries: [MessageID: Overlay.Entry]) {
    guard !isSorted || ids.count > 2 * entries.count + 64 else { return }
    ids = entries.keys.sorted()
    isSorted = true
  }

  func next(after id: MessageID?, where exists: (MessageID) -> Bool) -> MessageID? {
    var low = 0
    var high = ids.count
    if let id {
      while low < high {
        let middle = (low + high) / 2
        if ids[middle] <= id { low = middle + 1 } else { high = middle }
      }
    }
    while low < ids.count {
      if exists(ids[low]) { return ids[low] }
      low += 1
    }
    return nil
  }
}
