// SPDX-License-Identifier: ISC

internal import Mail

/// A table of addresses and address blocks; the token `local` stands for the submission socket.
///
/// Blocks are found by hash, one look for each prefix length that occurs.
struct NetworkSet: Sendable {
  private var hasLocal = false
  private var inet4: [Int: Set<UInt32>] = [:]
  private var inet6: [Int: Set<Half>] = [:]

  private struct Half: Hashable, Sendable {
    var high: UInt64
    var low: UInt64
  }

  /// The entries that are no addresses come back in `refused`.
  init(_ entries: some Sequence<String>, refused: inout [String]) {
    for entry in entries {
      if entry.asciiLowercased == "local" {
        hasLocal = true
      } else if let block = NetworkBlock(parsing: entry) {
        insert(block)
      } else {
        refused.append(entry)
      }
    }
  }

  private mutating func insert(_ block: NetworkBlock) {
    switch block.address {
    case .inet4(let value):
      inet4[block.prefix, default: []].insert(NetworkSet.masked(value, block.prefix))
    case .inet6(let high, let low):
      inet6[block.prefix, default: []].insert(NetworkSet.masked(high, low, block.prefix))
    }
  }

  func contains(_ source: SourceAddress) -> Bool {
    switch source {
    case .local:
      hasLocal
    case .inet4(let value):
      inet4.contains { prefix, blocks in blocks.contains(NetworkSet.masked(value, prefix)) }
    case .inet6(let high, let low):
      inet6.contains { prefix, blocks in blocks.contains(NetworkSet.masked(high, low, prefix)) }
    }
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
