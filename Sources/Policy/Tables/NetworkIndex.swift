// SPDX-License-Identifier: ISC

internal import Mail

/// Which tables of addresses and address blocks have an address; the token `local` stands for the
/// submission socket.
///
/// Blocks are found by hash, one look for each prefix length that occurs, whatever the number of tables:
/// a ruleset asks many of them about the same client.
struct NetworkIndex: Sendable {
  /// What is known of a table.
  private enum State: Sendable {
    /// No rule asks it for addresses.
    case unasked
    case ready
    case unavailable
  }

  /// The tables that have one block; nearly always it is one.
  private enum Owners: Sendable {
    case one(Int)
    case several([Int])

    var all: [Int] {
      switch self {
      case .one(let table): [table]
      case .several(let tables): tables
      }
    }

    func adding(_ table: Int) -> Owners {
      all.contains(table) ? self : .several(all + [table])
    }

    /// Nil when there is no other.
    func removing(_ table: Int) -> Owners? {
      let rest = all.filter { $0 != table }
      return rest.count > 1 ? .several(rest) : rest.first.map { .one($0) }
    }
  }

  private struct Half: Hashable, Sendable {
    var high: UInt64
    var low: UInt64
  }

  private var states: [State]
  private var local: [Int] = []
  /// By prefix length, then by block.
  private var inet4: [Int: [UInt32: Owners]] = [:]
  private var inet6: [Int: [Half: Owners]] = [:]

  init(count: Int) { states = Array(repeating: .unasked, count: count) }

  /// What one table says.
  struct Entries: Sendable {
    fileprivate var hasLocal = false
    fileprivate var blocks: [NetworkBlock] = []

    /// False when it is no entry that tables here may have.
    mutating func add(_ entry: String) -> Bool {
      if entry.asciiLowercased == "local" {
        hasLocal = true
        return true
      }
      guard let block = NetworkBlock(parsing: entry) else { return false }
      blocks.append(block)
      return true
    }
  }

  /// Takes what a table says from now on; nil when it cannot be asked.
  mutating func replace(_ table: Int, with entries: Entries?) {
    if case .ready = states[table] { remove(table) }
    guard let entries else {
      states[table] = .unavailable
      return
    }
    states[table] = .ready
    if entries.hasLocal { local.append(table) }
    for block in entries.blocks { insert(block, of: table) }
  }

  private mutating func insert(_ block: NetworkBlock, of table: Int) {
    switch block.address {
    case .inet4(let value):
      let key = NetworkIndex.masked(value, block.prefix)
      let owners = inet4[block.prefix]?[key]
      inet4[block.prefix, default: [:]][key] = owners?.adding(table) ?? .one(table)
    case .inet6(let high, let low):
      let key = NetworkIndex.masked(high, low, block.prefix)
      let owners = inet6[block.prefix]?[key]
      inet6[block.prefix, default: [:]][key] = owners?.adding(table) ?? .one(table)
    }
  }

  private mutating func remove(_ table: Int) {
    local.removeAll { $0 == table }
    inet4 = inet4.mapValues { $0.compactMapValues { $0.removing(table) } }.filter { !$1.isEmpty }
    inet6 = inet6.mapValues { $0.compactMapValues { $0.removing(table) } }.filter { !$1.isEmpty }
  }

  /// The tables that have a source, each once.
  func tables(of source: SourceAddress) -> [Int] {
    var found: [Int] = []
    func add(_ owners: Owners?) {
      switch owners {
      case .one(let table): if !found.contains(table) { found.append(table) }
      case .several(let tables): found += tables.filter { !found.contains($0) }
      case nil: break
      }
    }
    switch source {
    case .local: found = local
    case .inet4(let value):
      for (prefix, blocks) in inet4 { add(blocks[NetworkIndex.masked(value, prefix)]) }
    case .inet6(let high, let low):
      for (prefix, blocks) in inet6 { add(blocks[NetworkIndex.masked(high, low, prefix)]) }
    }
    return found
  }

  /// Whether a table can be asked.
  func isReady(_ table: Int) -> Bool {
    if case .ready = states[table] { true } else { false }
  }

  private static func masked(_ value: UInt32, _ prefix: Int) -> UInt32 {
    prefix == 0 ? 0 : value & (UInt32.max << UInt32(32 - prefix))
  }

  private static func masked(_ high: UInt64, _ low: UInt64, _ prefix: Int) -> Half {
    if prefix <= 64 {
      Half(high: prefix == 0 ? 0 : high & (UInt64.max << UInt64(64 - prefix)), low: 0)
    } else {
      Half(high: high, low: low & (UInt64.max << UInt64(128 - prefix)))
    }
  }
}
