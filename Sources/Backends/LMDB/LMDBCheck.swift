// SPDX-License-Identifier: ISC

internal import Disk
internal import Queue

/// Walks all trees of an LMDB file and throws at the first page that liblmdb could not bear.
///
/// Checks the frame: page numbers, kinds, bounds of nodes, order of keys, depth, that no page is used
/// twice or used and free. The content of records is for their checksums. Memory: one bit a page.
struct LMDBCheck {
  private let file: LMDBFile
  private let meta: LMDBFile.Meta
  /// Whether the first page of each large value is read too: a read for each body.
  private let extent: Extent
  private var seen: [UInt64]

  enum Extent: Sendable {
    case trees
    case everything
  }

  private static let header = 16
  private static let depthMax = 32

  init(_ file: LMDBFile, _ extent: Extent) throws(StoreError) {
    self.file = file
    self.extent = extent
    meta = try file.meta()
    seen = Array(repeating: 0, count: meta.lastPage / 64 + 1)
  }

  /// Checks the file `lmdb/data.mdb` of a spool; one that is not there is whole.
  static func run(on disk: any Disk, _ extent: Extent) throws(StoreError) {
    let path = "lmdb/data.mdb"
    guard let facts = try disk.asStore({ () throws(DiskError) in try disk.facts(path) }),
      facts.size > 0
    else { return }
    let opened = try disk.asStore { () throws(DiskError) in try disk.open(path, .read) }
    defer { disk.close(opened) }
    let file = LMDBFile(
      disk: disk,
      path: "\(disk.root)/\(path)",
      file: opened,
      size: facts.size
    )
    var check = try LMDBCheck(file, extent)
    try check.run()
  }

  private mutating func run() throws(StoreError) {
    try claim(0, 1)
    try claim(1, 1)
    try walk(meta.free, .free)
    try walk(meta.main, .main)
  }

  private enum Kind {
    case free
    case main
    case records
  }

  /// What a page is taken for.
  private enum Use {
    case record
    case free
  }

  /// Takes pages that nothing else may have. Those that are in use are in the file.
  private mutating func claim(
    _ first: Int,
    _ count: Int,
    for use: Use = .record
  ) throws(StoreError) {
    guard first >= 0, count >= 1, count <= meta.lastPage + 1,
      first <= meta.lastPage + 1 - count
    else { throw file.damaged("page \(first) is beyond the end") }
    guard use == .free || (first + count) * meta.pageSize <= file.size else {
      throw file.damaged("cut off: \(file.size) bytes, and it has page \(first + count - 1)")
    }
    for page in first..<first + count {
      let bit: UInt64 = 1 << UInt64(page & 63)
      guard seen[page >> 6] & bit == 0 else { throw file.damaged("page \(page) is used twice") }
      seen[page >> 6] |= bit
    }
  }

  private mutating func walk(_ tree: LMDBFile.Tree, _ kind: Kind) throws(StoreError) {
    guard let root = tree.root else { return }
    guard tree.depth >= 1, tree.depth <= LMDBCheck.depthMax else {
      throw file.damaged("a tree of depth \(tree.depth)")
    }
    var entries = 0
    try walk(page: root, depth: tree.depth, kind, &entries)
    guard entries == tree.entries else {
      throw file.damaged("a tree of \(entries) entries that should have \(tree.entries)")
    }
  }

  private mutating func walk(
    page number: Int,
    depth: Int,
    _ kind: Kind,
    _ entries: inout Int
  ) throws(StoreError) {
    try claim(number, 1)
    let bytes = try file.read(at: number * meta.pageSize, count: meta.pageSize)
    guard bytes.count == meta.pageSize else { throw file.damaged("page \(number) is cut off") }
    let page = LMDBPage(bytes: bytes, number: number)
    let order: LMDBPage.Order = kind == .free ? .numbers : .bytes
    if let problem = page.problem(as: depth == 1 ? .leaf : .branch, order) {
      throw file.damaged("page \(number): \(problem)")
    }
    if depth == 1 {
      entries += page.count
      for index in 0..<page.count { try check(page.leaf(index), number, kind) }
      return
    }
    for index in 0..<page.count {
      try walk(page: page.child(index), depth: depth - 1, kind, &entries)
    }
  }

  private mutating func check(
    _ leaf: LMDBPage.Leaf,
    _ number: Int,
    _ kind: Kind
  ) throws(StoreError) {
    switch (leaf.flags, kind) {
    case (0, .free):
      try checkFree(leaf.data)
    case (0, .records): return
    case (LMDBPage.Leaf.large, .free), (LMDBPage.Leaf.large, .records):
      guard leaf.data.count == 8 else { throw file.damaged("page \(number): a large value") }
      let first = Int(clamping: leaf.data.number(at: 0, 8))
      let pages = (LMDBCheck.header + leaf.size + meta.pageSize - 1) / meta.pageSize
      try claim(first, pages)
      if kind == .free {
        let offset = first * meta.pageSize + LMDBCheck.header
        try checkFree(try file.read(at: offset, count: leaf.size)[...])
      }
      if extent == .everything { try checkLarge(first, pages) }
    case (LMDBPage.Leaf.tree, .main):
      guard leaf.data.count == 48 else { throw file.damaged("page \(number): a tree's root") }
      try walk(LMDBFile.Tree(leaf.data), .records)
    default: throw file.damaged("page \(number): a node of kind \(leaf.flags)")
    }
  }

  private func checkLarge(_ first: Int, _ pages: Int) throws(StoreError) {
    let head = try file.read(at: first * meta.pageSize, count: LMDBCheck.header)[...]
    guard head.count == LMDBCheck.header, head.number(at: 0, 8) == UInt64(first),
      head.number(at: 10, 2) == 0x04, head.number(at: 12, 4) == UInt64(pages)
    else { throw file.damaged("page \(first): not the start of a large value") }
  }

  /// A list of free pages: their count, then their numbers.
  private mutating func checkFree(_ list: ArraySlice<UInt8>) throws(StoreError) {
    guard list.count >= 8, list.number(at: 0, 8) <= UInt64(list.count / 8 - 1) else {
      throw file.damaged("a list of free pages is cut off")
    }
    for index in 0..<Int(list.number(at: 0, 8)) {
      try claim(Int(clamping: list.number(at: 8 + 8 * index, 8)), 1, for: .free)
    }
  }
}
