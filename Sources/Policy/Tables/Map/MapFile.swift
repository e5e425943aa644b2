// SPDX-License-Identifier: ISC

package import Configuration

/// A map that makemap(8) made: an LMDB file with one database, read here without the library.
///
/// The file may be anybody's: every offset and every length is checked, and a look-up reads one page a
/// level and the value, whatever the size of the map. Described in `schema/map.md`.
package struct MapFile: Sendable {
  /// Bytes at an offset; nil when so many cannot be read.
  package typealias Source = @Sendable (_ offset: UInt64, _ count: Int) -> [UInt8]?

  /// What a map is for.
  package enum Kind: String, Sendable {
    /// Keys with values of any kind.
    case plain
    /// Keys with what they stand for, in the grammar of aliases(5).
    case aliases
    /// Keys alone.
    case set
  }

  /// Why a file is no map, or a part of it cannot be read.
  package enum Fault: Error, Hashable, Sendable {
    case unreadable
    /// Made by the makemap of OpenSMTPD or another program, on Berkeley DB.
    case berkeley
    case notAMap
    /// An LMDB file, but not of makemap, or of a later one.
    case otherFormat
    case damaged
  }

  package enum Limits {
    /// Bytes of a key, which is LMDB's own limit.
    package static let key = 511
    /// Bytes of a value.
    package static let value = 4 << 20
    /// Levels of pages.
    static let depth = 12
    /// Entries that are read at once.
    static let entries = 4 << 20
    /// Bytes of the keys and values that are read at once: a file may have holes, which take no room.
    static let content = 1 << 30
  }

  /// The key whose value says what the file is: no key of a table has such a byte.
  package static let formatKey: [UInt8] = [0]
  /// The value of `formatKey`: the version, a blank, the kind.
  package static func formatValue(of kind: Kind) -> String { "1 \(kind.rawValue)" }

  package private(set) var kind = Kind.plain
  /// Without the format.
  package let count: Int
  private let source: Source
  private let pageSize: Int
  private let lastPage: UInt64
  private let root: UInt64

  package init(reading source: @escaping Source) throws(Fault) {
    self.source = source
    guard let head = source(0, 16 + MapFile.metaSize) else {
      throw source(0, 1) == nil ? .unreadable : .notAMap
    }
    guard !MapFile.isBerkeley(head) else { throw .berkeley }
    let first = try Meta(head)
    guard let other = source(UInt64(first.pageSize), 16 + MapFile.metaSize) else { throw .damaged }
    let second = try Meta(other)
    let meta = second.transaction > first.transaction ? second : first
    pageSize = first.pageSize
    lastPage = meta.lastPage
    root = meta.root
    guard meta.hasPlainEntries, let entries = Int(exactly: meta.entries), entries > 0 else {
      throw .otherFormat
    }
    // The first two pages say where the others are.
    guard lastPage >= 2 else { throw .damaged }
    count = entries - 1
    guard let format = try bytes(of: MapFile.formatKey) else { throw .otherFormat }
    guard format.starts(with: "1 ".utf8),
      let kind = Kind(rawValue: String(decoding: format.dropFirst(2), as: UTF8.self))
    else { throw .otherFormat }
    self.kind = kind
  }

  /// The value of a key, which is in lower case; nil when there is none. A set's values are empty.
  package func value(of key: String) throws(Fault) -> String? {
    let key = Array(key.utf8)
    guard 1...Limits.key ~= key.count, key != MapFile.formatKey else { return nil }
    guard let bytes = try bytes(of: key) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .damaged }
    return text
  }

  /// Everything, in the order of the keys.
  ///
  /// Each page is met once, and of each no more is taken than it has: pages that lead to each other, or to
  /// a page that others lead to, would have no end, whatever the size of the file.
  package func entries() throws(Fault) -> [TableDeclaration.Pair] {
    var collection = Collection()
    try collect(root, depth: 0, &collection)
    return collection.pairs
  }

  private struct Collection {
    private(set) var pairs: [TableDeclaration.Pair] = []
    private var size = 0
    /// Pages that were met; the file has them all.
    private var seen: Set<UInt64> = []

    mutating func take(_ pair: TableDeclaration.Pair) throws(Fault) {
      size += pair.key.utf8.count + pair.value.utf8.count
      guard pairs.count < Limits.entries, size <= Limits.content else { throw .damaged }
      pairs.append(pair)
    }

    mutating func claim(_ pages: Range<UInt64>) throws(Fault) {
      for page in pages where !seen.insert(page).inserted { throw .damaged }
    }
  }

  private func collect(
    _ number: UInt64,
    depth: Int,
    _ collection: inout Collection
  ) throws(Fault) {
    guard depth < Limits.depth else { throw .damaged }
    let page = try page(number)
    try collection.claim(number..<number + 1)
    var room = pageSize
    for index in 0..<page.count {
      let node = try page.node(index)
      room -= node.size
      guard room >= 0 else { throw .damaged }
      guard page.isLeaf else {
        try collect(node.child, depth: depth + 1, &collection)
        continue
      }
      guard Array(node.key) != MapFile.formatKey else { continue }
      let bytes = try content(of: node)
      if case .overflow(let first, let length) = node.content {
        let size = UInt64(MapPage.headerSize + length)
        try collection.claim(first..<first + (size + UInt64(pageSize) - 1) / UInt64(pageSize))
      }
      guard let key = String(validating: node.key, as: UTF8.self),
        let value = String(validating: bytes, as: UTF8.self)
      else { throw .damaged }
      try collection.take(TableDeclaration.Pair(key: key, value: value))
    }
  }

  private func bytes(of key: [UInt8]) throws(Fault) -> [UInt8]? {
    var number = root
    for _ in 0..<Limits.depth {
      let page = try page(number)
      guard page.isLeaf else {
        number = try page.node(try page.lastNode(notAbove: key)).child
        continue
      }
      guard let node = try page.node(named: key) else { return nil }
      return try content(of: node)
    }
    throw .damaged
  }

  private func page(_ number: UInt64) throws(Fault) -> MapPage {
    guard 2...lastPage ~= number else { throw .damaged }
    guard let bytes = source(number * UInt64(pageSize), pageSize) else { throw .unreadable }
    return try MapPage(bytes)
  }

  private func content(of node: MapPage.Node) throws(Fault) -> [UInt8] {
    switch node.content {
    case .inline(let bytes): return Array(bytes)
    case .overflow(let page, let length):
      guard 2...lastPage ~= page, length <= Limits.value else { throw .damaged }
      let offset = page * UInt64(pageSize) + UInt64(MapPage.headerSize)
      guard let bytes = source(offset, length) else { throw .unreadable }
      return bytes
    }
  }

  /// The numbers that begin Berkeley's hash and B-tree files, in either order of bytes.
  private static func isBerkeley(_ head: [UInt8]) -> Bool {
    for magic in [UInt32(0x06_1561), 0x05_3162] {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: magic >> (8 * UInt32($0))) }
      for place in [0, 12] {
        let found = Array(head[place..<place + 4])
        if found == bytes || found == bytes.reversed() { return true }
      }
    }
    return false
  }
}

extension MapFile {
  static let metaSize = 136

  /// One of the two pages that say where everything else is.
  private struct Meta {
    let pageSize: Int
    let entries: UInt64
    let root: UInt64
    let lastPage: UInt64
    let transaction: UInt64
    /// No second values, no integers for keys.
    let hasPlainEntries: Bool

    init(_ bytes: [UInt8]) throws(Fault) {
      guard MapPage.integer(bytes, 16, 4) == 0xbeef_c0de, MapPage.integer(bytes, 20, 4) == 1 else {
        throw .notAMap
      }
      let size = MapPage.integer(bytes, 40, 4)
      guard 512...65_536 ~= size, size & (size - 1) == 0 else { throw .damaged }
      pageSize = Int(size)
      hasPlainEntries = MapPage.integer(bytes, 92, 2) == 0
      entries = MapPage.integer(bytes, 120, 8)
      root = MapPage.integer(bytes, 128, 8)
      lastPage = MapPage.integer(bytes, 136, 8)
      transaction = MapPage.integer(bytes, 144, 8)
      guard lastPage < 1 << 40 else { throw .damaged }
    }
  }
}

extension MapFile.Fault: CustomStringConvertible {
  /// For the operator.
  package var description: String {
    switch self {
    case .unreadable: "cannot be read"
    case .berkeley: "is a Berkeley DB file; run makemap again to make a map of this server"
    case .notAMap: "is no map; run makemap to make one of a text file"
    case .otherFormat: "is an LMDB file that this makemap did not make; run makemap again"
    case .damaged: "is damaged; run makemap again"
    }
  }
}
