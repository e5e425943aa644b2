// SPDX-License-Identifier: ISC

/// A destination: the due envelopes that wait for their turn there, and whether it may have one.
struct Destination {
  /// Whether envelopes may go there.
  enum Gate: Equatable {
    case open
    /// Not before this.
    case blocked(until: Second)
    /// It was blocked: one dispatch may go, to find out whether it is well again.
    case probe
    /// That dispatch is on its way.
    case probing
  }

  var name: String
  var kind: Scheduler.Kind
  /// Due envelopes, by priority: above zero, zero, below zero.
  var high = IndexList<PlaceLinks>()
  var normal = IndexList<PlaceLinks>()
  var low = IndexList<PlaceLinks>()
  /// Its envelopes, whatever their place.
  var envelopes: UInt32 = 0
  var inFlight: UInt32 = 0
  var gate = Gate.open
  /// How many dispatches its deliverer can take.
  var room: UInt32
  /// The time of its entry in the heap of blocks; zero when it has none.
  var timer: Second = 0
  /// The ring of the destinations of its kind that have work and may do it.
  var ringNext = nowhere
  var ringPrevious = nowhere

  var scheduled: UInt32 { high.count + normal.count + low.count }

  var isReady: Bool { scheduled > 0 && room > 0 && (gate == .open || gate == .probe) }

  var isInRing: Bool { ringNext != nowhere }

  var first: UInt32? {
    for head in [high.head, normal.head, low.head] where head != nowhere { return head }
    return nil
  }

  mutating func append(_ index: UInt32, _ slots: inout SlotStore) {
    switch slots[index].priority {
    case 1...: high.append(index, &slots)
    case 0: normal.append(index, &slots)
    default: low.append(index, &slots)
    }
  }

  mutating func prepend(_ index: UInt32, _ slots: inout SlotStore) {
    switch slots[index].priority {
    case 1...: high.prepend(index, &slots)
    case 0: normal.prepend(index, &slots)
    default: low.prepend(index, &slots)
    }
  }

  mutating func remove(_ index: UInt32, _ slots: inout SlotStore) {
    switch slots[index].priority {
    case 1...: high.remove(index, &slots)
    case 0: normal.remove(index, &slots)
    default: low.remove(index, &slots)
    }
  }
}

/// The destinations, each once however many envelopes it has, and whose turn it is.
struct DestinationTable {
  struct Key: Hashable {
    var kind: Scheduler.Kind
    var name: String
  }

  private struct Block {
    var until: Second
    var destination: UInt32
  }

  /// What a new destination has, by kind.
  var rooms = [UInt32](repeating: .max, count: Scheduler.Kind.allCases.count)
  private(set) var all: ContiguousArray<Destination> = []
  private var free: [UInt32] = []
  private(set) var indices: [Key: UInt32] = [:]
  /// Whose turn it is, by kind.
  private(set) var turn: [UInt32] = [nowhere, nowhere, nowhere]
  /// A heap by time. What counts is the destination's gate: an entry may be early, or stale.
  private var blocks: [Block] = []

  subscript(index: UInt32) -> Destination {
    @inline(__always) _read { yield all[Int(index)] }
    @inline(__always) _modify { yield &all[Int(index)] }
  }

  var count: Int { indices.count }

  var blocked: Int {
    indices.values.count { index in
      if case .blocked = self[index].gate { true } else { false }
    }
  }

  /// About: strings and the dictionary are estimated.
  var allocatedBytes: Int {
    all.capacity * MemoryLayout<Destination>.stride
      + indices.capacity * (MemoryLayout<Key>.stride + 8)
      + indices.keys.reduce(0) { $0 + ($1.name.utf8.count > 15 ? $1.name.utf8.count + 48 : 0) }
  }

  /// The destination of that name, made if need be.
  mutating func index(kind: Scheduler.Kind, name: String) -> UInt32 {
    let key = Key(kind: kind, name: name)
    if let known = indices[key] { return known }
    let made = Destination(name: name, kind: kind, room: rooms[Int(kind.rawValue)])
    let index: UInt32
    if let reused = free.popLast() {
      index = reused
      all[Int(index)] = made
    } else {
      index = UInt32(all.count)
      all.append(made)
    }
    indices[key] = index
    return index
  }

  func find(kind: Scheduler.Kind, name: String) -> UInt32? {
    indices[Key(kind: kind, name: name)]
  }

  /// Call after each change of what is due or of the gate: it joins or leaves its ring, and is
  /// forgotten when it has no envelopes and no block.
  mutating func settle(_ index: UInt32) {
    let place = Int(index)
    if all[place].isReady != all[place].isInRing {
      if all[place].isReady { join(index) } else { leave(index) }
    }
    guard all[place].envelopes == 0 else { return }
    if case .blocked = all[place].gate { return }
    indices[Key(kind: all[place].kind, name: all[place].name)] = nil
    all[place].name = ""
    free.append(index)
  }

  mutating func advanceTurn(of kind: Scheduler.Kind) {
    let index = turn[Int(kind.rawValue)]
    if index != nowhere { turn[Int(kind.rawValue)] = self[index].ringNext }
  }

  mutating func block(_ index: UInt32, until: Second) {
    self[index].gate = .blocked(until: until)
    setTimer(index, until)
    settle(index)
  }

  mutating func set(room: UInt32, of index: UInt32) {
    self[index].room = room
    settle(index)
  }

  /// Its next dispatch is a probe.
  mutating func allowProbe(_ index: UInt32) {
    self[index].gate = .probe
    settle(index)
  }

  mutating func open(_ index: UInt32) {
    self[index].gate = .open
    settle(index)
  }

  var pendingBlocks: Int { blocks.count }

  var nextUnblocking: Second? { blocks.first?.until }

  /// Ends the blocks whose time has come.
  mutating func advance(to now: Second) {
    while let first = blocks.first, first.until <= now {
      removeFirstBlock()
      if self[first.destination].timer == first.until { self[first.destination].timer = 0 }
      guard case .blocked(let until) = self[first.destination].gate else { continue }
      if until <= now { allowProbe(first.destination) } else { setTimer(first.destination, until) }
    }
  }

  /// A destination that is blocked again and again keeps the entry that it has.
  private mutating func setTimer(_ index: UInt32, _ until: Second) {
    guard self[index].timer == 0 || self[index].timer > until else { return }
    self[index].timer = until
    blocks.append(Block(until: until, destination: index))
    siftUp(blocks.count - 1)
  }

  private mutating func join(_ index: UInt32) {
    let kind = Int(self[index].kind.rawValue)
    let here = turn[kind]
    guard here != nowhere else {
      self[index].ringNext = index
      self[index].ringPrevious = index
      turn[kind] = index
      return
    }
    let before = self[here].ringPrevious
    self[index].ringNext = here
    self[index].ringPrevious = before
    self[before].ringNext = index
    self[here].ringPrevious = index
  }

  private mutating func leave(_ index: UInt32) {
    let kind = Int(self[index].kind.rawValue)
    let next = self[index].ringNext
    let previous = self[index].ringPrevious
    self[previous].ringNext = next
    self[next].ringPrevious = previous
    if turn[kind] == index { turn[kind] = next == index ? nowhere : next }
    self[index].ringNext = nowhere
    self[index].ringPrevious = nowhere
  }

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0, blocks[child].until < blocks[(child - 1) / 2].until {
      blocks.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func removeFirstBlock() {
    blocks.swapAt(0, blocks.count - 1)
    blocks.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < blocks.count && blocks[child].until < blocks[least].until { least = child }
      guard least != parent else { return }
      blocks.swapAt(parent, least)
      parent = least
    }
  }
}
