// SPDX-License-Identifier: ISC

/// A small generator whose numbers follow from its seed (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

extension MemoryDiskState {
  func afterPowerCut(_ survival: MemoryDisk.Survival) -> MemoryDiskState {
    var copy = self
    var generator: SeededGenerator?
    if case .chance(let seed) = survival { generator = SeededGenerator(seed: seed) }
    copy.loseNames(survival, &generator)
    for node in copy.nodes.keys.sorted() {
      guard case .file(var file)? = copy.nodes[node] else { continue }
      if file.pending.isEmpty {
        if file.current == file.durable { continue }
      } else {
        MemoryDiskState.keep(&file, survival, &generator)
      }
      file.current = file.durable
      file.pending = []
      copy.nodes[node] = .file(file)
    }
    copy.forgetUnreachable()
    copy.handles = [:]
    copy.locks = []
    copy.fault = .none
    copy.hasPower = true
    copy.operations = 0
    copy.trace = []
    return copy
  }

  private mutating func loseNames(
    _ survival: MemoryDisk.Survival,
    _ generator: inout SeededGenerator?
  ) {
    for step in names {
      let survives: Bool
      switch survival {
      case .nothing: survives = false
      case .everything: survives = true
      case .chance: survives = MemoryDiskState.coin(&generator)
      }
      guard survives else { continue }
      for edit in step.edits {
        guard case .directory(var directory)? = nodes[edit.directory] else { continue }
        directory.durable[edit.name] = edit.node
        nodes[edit.directory] = .directory(directory)
      }
    }
    names = []
    for (node, content) in nodes {
      guard case .directory(var directory) = content else { continue }
      directory.current = directory.durable
      nodes[node] = .directory(directory)
    }
  }

  private static func keep(
    _ file: inout File,
    _ survival: MemoryDisk.Survival,
    _ generator: inout SeededGenerator?
  ) {
    for step in file.pending {
      switch (survival, step) {
      case (.nothing, _): continue
      case (.everything, _): carryOut(step, on: &file.durable)
      case (.chance, .truncate): if coin(&generator) { carryOut(step, on: &file.durable) }
      case (.chance, .write(let offset, let bytes)):
        tear(offset, bytes, &file.durable, &generator)
      }
    }
  }

  /// Writes whole, not at all, or some of the sectors.
  private static func tear(
    _ offset: Int,
    _ bytes: [UInt8],
    _ content: inout [UInt8],
    _ generator: inout SeededGenerator?
  ) {
    switch (generator?.next() ?? 0) % 4 {
    case 0: return
    case 1: carryOut(.write(offset, bytes), on: &content)
    default:
      var position = 0
      while position < bytes.count {
        let end = min(bytes.count, (offset + position) / sector * sector + sector - offset)
        if coin(&generator) {
          carryOut(.write(offset + position, Array(bytes[position..<end])), on: &content)
        }
        position = end
      }
    }
  }

  private static func coin(_ generator: inout SeededGenerator?) -> Bool {
    (generator?.next() ?? 0) & 1 == 0
  }

  private mutating func forgetUnreachable() {
    var reached: Set<Int> = []
    var waiting = [0]
    while let node = waiting.popLast() {
      guard reached.insert(node).inserted else { continue }
      if case .directory(let directory)? = nodes[node] {
        waiting.append(contentsOf: directory.current.values)
      }
    }
    nodes = nodes.filter { reached.contains($0.key) }
  }

  func files(below path: String) -> [String: [UInt8]] {
    guard let start = try? find(path, "list") else { return [:] }
    var found: [String: [UInt8]] = [:]
    var waiting = [(start, path)]
    while let (node, name) = waiting.popLast() {
      switch nodes[node] {
      case .file(let file)?: found[name] = file.current
      case .directory(let directory)?:
        for (child, index) in directory.current {
          waiting.append((index, name.isEmpty ? child : "\(name)/\(child)"))
        }
      case nil: continue
      }
    }
    return found
  }

  mutating func flip(_ bit: Int, _ offset: Int, _ path: String) {
    guard let node = try? find(path, "flip"), case .file(var file)? = nodes[node] else { return }
    precondition(file.current.indices.contains(offset) && 0..<8 ~= bit)
    file.current[offset] ^= 1 << UInt8(bit)
    if file.durable.indices.contains(offset) { file.durable[offset] ^= 1 << UInt8(bit) }
    nodes[node] = .file(file)
  }
}
