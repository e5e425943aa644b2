// SPDX-License-Identifier: ISC

/// A page of a map with nodes on it: a branch or a leaf of the tree.
struct MapPage {
  /// Bytes before the nodes' places.
  static let headerSize = 16

  /// One entry of a page.
  struct Node {
    /// Where a value is.
    enum Content {
      case inline(ArraySlice<UInt8>)
      case overflow(page: UInt64, length: Int)
    }

    let key: ArraySlice<UInt8>
    /// Of a branch.
    let child: UInt64
    /// Of a leaf.
    let content: Content

    /// Bytes that it takes of its page.
    var size: Int {
      switch content {
      case .inline(let bytes): 8 + key.count + bytes.count
      case .overflow: 16 + key.count
      }
    }
  }

  let isLeaf: Bool
  let count: Int
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) throws(MapFile.Fault) {
    self.bytes = bytes
    let flags = MapPage.integer(bytes, 10, 2)
    switch flags & 0x6f {
    case 1: isLeaf = false
    case 2: isLeaf = true
    default: throw .damaged
    }
    let lower = Int(MapPage.integer(bytes, 12, 2))
    guard lower >= MapPage.headerSize, lower <= bytes.count, lower % 2 == 0 else {
      throw .damaged
    }
    count = (lower - MapPage.headerSize) / 2
    guard count > 0 else { throw .damaged }
  }

  func node(_ index: Int) throws(MapFile.Fault) -> Node {
    let place = Int(MapPage.integer(bytes, MapPage.headerSize + 2 * index, 2))
    guard place >= MapPage.headerSize, place + 8 <= bytes.count else { throw .damaged }
    let low = MapPage.integer(bytes, place, 4)
    let flags = MapPage.integer(bytes, place + 4, 2)
    let keyEnd = place + 8 + Int(MapPage.integer(bytes, place + 6, 2))
    guard keyEnd <= bytes.count else { throw .damaged }
    let key = bytes[(place + 8)..<keyEnd]
    guard isLeaf else {
      return Node(key: key, child: low | flags << 32, content: .inline([]))
    }
    switch flags {
    case 0:
      guard low <= bytes.count - keyEnd else { throw .damaged }
      return Node(key: key, child: 0, content: .inline(bytes[keyEnd..<keyEnd + Int(low)]))
    case 1:
      guard keyEnd + 8 <= bytes.count else { throw .damaged }
      let page = MapPage.integer(bytes, keyEnd, 8)
      return Node(key: key, child: 0, content: .overflow(page: page, length: Int(low)))
    default: throw .damaged
    }
  }

  /// The node below which a key would be. The first key of a branch is below all others.
  func lastNode(notAbove key: [UInt8]) throws(MapFile.Fault) -> Int {
    var low = 1
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if MapPage.precedes(key[...], try node(middle).key) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low - 1
  }

  func node(named key: [UInt8]) throws(MapFile.Fault) -> Node? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      let node = try node(middle)
      if node.key.elementsEqual(key) { return node }
      if MapPage.precedes(node.key, key[...]) { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  private static func precedes(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>) -> Bool {
    one.lexicographicallyPrecedes(other)
  }

  /// A little-endian number. The caller has made sure that it is there.
  static func integer(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
    return value
  }
}
