// SPDX-License-Identifier: ISC

/// One branch or leaf page of an LMDB file.
///
/// A head of 16 bytes (number, flags at 10, the bounds of the free space at 12 and 14), the offsets of
/// the nodes, free space, and the nodes: 8 bytes of lengths and flags, the key, the data.
struct LMDBPage {
  let bytes: [UInt8]
  let number: Int

  enum Kind: Sendable {
    case branch
    case leaf
  }

  /// An entry of a leaf.
  struct Leaf {
    /// The value is in pages of its own.
    static let large = 1
    /// The value is the root of a named database.
    static let tree = 2

    var flags: Int
    /// The value's size; of a large one not that of `data`.
    var size: Int
    var data: ArraySlice<UInt8>
  }

  /// How the keys of a tree are compared.
  enum Order: Sendable {
    /// Byte by byte, as in the trees of records.
    case bytes
    /// As little-endian numbers of eight bytes: the numbers of transactions in the list of free pages.
    case numbers
  }

  private static let header = 16
  private static let nodeHeader = 8
  private static let keyMax = 511

  var count: Int { (half(12) - LMDBPage.header) / 2 }

  private func half(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }

  private func node(_ index: Int) -> Int { half(LMDBPage.header + 2 * index) }

  private func key(_ index: Int) -> ArraySlice<UInt8> {
    let start = node(index) + LMDBPage.nodeHeader
    return bytes[start..<start + half(node(index) + 6)]
  }

  /// What is wrong with it; nil when the other members can be used.
  func problem(as kind: Kind, _ order: Order) -> String? {
    let isLeaf = kind == .leaf
    guard bytes[...].number(at: 0, 8) == UInt64(number) else { return "it says it is another" }
    guard half(10) & ~0x10 == (isLeaf ? 0x02 : 0x01) else { return "it is of kind \(half(10))" }
    let lower = half(12)
    let upper = half(14)
    guard lower >= LMDBPage.header, lower % 2 == 0, lower <= upper, upper <= bytes.count else {
      return "its bounds are \(lower) and \(upper)"
    }
    guard count >= (isLeaf ? 1 : 2) else { return "it has \(count) nodes" }
    for index in 0..<count {
      if let problem = problem(node: index, kind, upper) { return problem }
    }
    for index in (isLeaf ? 1 : 2)..<max(count, isLeaf ? 1 : 2) {
      guard precedes(key(index - 1), key(index), order) else { return "its keys are out of order" }
    }
    return nil
  }

  private func precedes(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>, _ order: Order)
    -> Bool
  {
    switch order {
    case .bytes: one.lexicographicallyPrecedes(other)
    case .numbers:
      one.count == 8 && other.count == 8 && one.number(at: 0, 8) < other.number(at: 0, 8)
    }
  }

  private func problem(node index: Int, _ kind: Kind, _ upper: Int) -> String? {
    let isLeaf = kind == .leaf
    let start = node(index)
    guard start >= upper, start % 2 == 0, start + LMDBPage.nodeHeader <= bytes.count else {
      return "node \(index) is out of bounds"
    }
    let keySize = half(start + 6)
    // The first key of a branch stands for everything before the second and may be empty.
    guard keySize <= LMDBPage.keyMax, keySize > 0 || (!isLeaf && index == 0) else {
      return "node \(index) has a key of \(keySize) bytes"
    }
    var end = start + LMDBPage.nodeHeader + keySize
    if isLeaf { end += half(start + 4) == Leaf.large ? 8 : dataSize(start) }
    return end <= bytes.count ? nil : "node \(index) is out of bounds"
  }

  private func dataSize(_ start: Int) -> Int { half(start) | half(start + 2) << 16 }

  /// The page below a branch's node.
  func child(_ index: Int) -> Int {
    let start = node(index)
    return half(start) | half(start + 2) << 16 | half(start + 4) << 32
  }

  func leaf(_ index: Int) -> Leaf {
    let start = node(index)
    let size = dataSize(start)
    let flags = half(start + 4)
    let data = start + LMDBPage.nodeHeader + half(start + 6)
    return Leaf(
      flags: flags,
      size: size,
      data: bytes[data..<data + (flags == Leaf.large ? 8 : size)]
    )
  }
}
