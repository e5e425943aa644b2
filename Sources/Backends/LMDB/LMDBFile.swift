// SPDX-License-Identifier: ISC

internal import Disk
internal import Queue

/// The data file of an LMDB environment (format 1), read without liblmdb.
///
/// liblmdb trusts the pages that it maps: a flipped bit in one ends the process, and a file that was
/// cut off is a bus error. Here every length and number is checked first.
struct LMDBFile {
  /// Reads through the kernel and not through a map.
  let disk: any Disk
  let path: String
  let file: OpenFile
  let size: Int

  /// Bytes at the end that one transaction can have taken and freed again: more than any does.
  private static let unwrittenMax = 1 << 30

  /// What a meta page says; the one of the last transaction counts.
  struct Meta {
    var pageSize: Int
    var lastPage: Int
    var transaction: UInt64
    var free: Tree
    var main: Tree
  }

  /// The root of a B+ tree and what is said about it.
  struct Tree {
    var depth: Int
    var entries: Int
    /// Nil for an empty tree.
    var root: Int?

    /// - Parameter bytes: 48 of them.
    init(_ bytes: ArraySlice<UInt8>) {
      depth = Int(bytes.number(at: 6, 2))
      entries = Int(truncatingIfNeeded: bytes.number(at: 32, 8))
      let root = bytes.number(at: 40, 8)
      self.root = root == .max ? nil : Int(clamping: root)
    }
  }

  /// Throws unless the newest meta page is whole. The file may be shorter than it says: pages at the end that
  /// were freed by the transaction that took them have never been written.
  func meta() throws(StoreError) -> Meta {
    let first = try meta(at: 0)
    guard let first else { throw damaged("its first page is no LMDB meta page") }
    guard let second = try meta(at: first.pageSize) else {
      throw damaged("its second page is no LMDB meta page")
    }
    guard first.pageSize == second.pageSize else { throw damaged("its page sizes differ") }
    let meta = first.transaction >= second.transaction ? first : second
    guard meta.lastPage < (size + LMDBFile.unwrittenMax) / meta.pageSize else {
      throw damaged("cut off: \(size) bytes, and its last page is number \(meta.lastPage)")
    }
    return meta
  }

  private func meta(at offset: Int) throws(StoreError) -> Meta? {
    let bytes = try read(at: offset, count: 152)
    guard bytes.count == 152 else { return nil }
    let page = bytes[...]
    guard page.number(at: 10, 2) == 0x08, page.number(at: 16, 4) == 0xbeef_c0de,
      page.number(at: 20, 4) == 1
    else { return nil }
    let pageSize = Int(page.number(at: 40, 4))
    guard pageSize >= 512, pageSize <= 65536, pageSize & (pageSize - 1) == 0 else { return nil }
    return Meta(
      pageSize: pageSize,
      lastPage: Int(clamping: page.number(at: 136, 8)),
      transaction: page.number(at: 144, 8),
      free: Tree(page[40..<88]),
      main: Tree(page[88..<136])
    )
  }

  func read(at offset: Int, count: Int) throws(StoreError) -> [UInt8] {
    try disk.asStore { () throws(DiskError) in try disk.read(file, at: offset, count: count) }
  }

  func damaged(_ problem: String) -> StoreError { .damaged(path: path, problem: problem) }
}

extension ArraySlice<UInt8> {
  /// The little-endian number of `count` bytes, `offset` behind the slice's start.
  func number(at offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in (0..<count).reversed() {
      value = value << 8 | UInt64(self[startIndex + offset + index])
    }
    return value
  }
}
