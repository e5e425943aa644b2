// SPDX-License-Identifier: ISC

internal import Mail

/// Message identifiers that the queue has reserved for this frontend, handed out in rising order.
struct IdentifierPool {
  enum Limits {
    /// With fewer left another block is asked for.
    static let low = 512
  }

  private var blocks: [ClosedRange<UInt32>] = []
  private(set) var count = 0
  /// A block was asked for and has not come.
  var isAsking = false

  /// Whether it is time to ask for another block.
  var isLow: Bool { count < Limits.low && !isAsking }

  mutating func add(first: MessageID, count added: UInt32) {
    guard added > 0, first.rawValue <= UInt32.max - (added - 1) else { return }
    blocks.append(first.rawValue...first.rawValue + (added - 1))
    count += Int(added)
    isAsking = false
  }

  /// The next identifier; nil when there is none.
  mutating func take() -> MessageID? {
    guard let block = blocks.first, let id = MessageID(block.lowerBound) else { return nil }
    if block.lowerBound == block.upperBound {
      blocks.removeFirst()
    } else {
      blocks[0] = block.lowerBound + 1...block.upperBound
    }
    count -= 1
    return id
  }

  /// They were another queue process's; the new one hands out its own.
  mutating func clear() {
    blocks = []
    count = 0
    isAsking = false
  }
}
