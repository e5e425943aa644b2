// SPDX-License-Identifier: ISC

/// Files below one directory, the spool: the seam before the disk.
///
/// Paths are relative, with `/` between their parts and no `..`; the empty path is the directory
/// itself. No symbolic link is followed. Nothing is durable before a sync: a file's bytes need one of
/// the file, a name needs one of the directory that it is in (`synchronizeDirectory`), and
/// `synchronizeAll` does both for everything. May be called from any thread.
package protocol Disk: AnyObject, Sendable {
  /// What the directory is called in messages to people.
  var root: String { get }
  /// Where this process finds it, for libraries that open files by name; for no message.
  var place: String { get }

  func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> OpenFile
  /// Frees the descriptor; an error in doing so is of no consequence after a sync, and not told.
  func close(_ file: OpenFile)
  /// Writes all of `bytes`.
  func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(DiskError)
  /// Up to `count` bytes, fewer at the end of the file only.
  func read(_ file: OpenFile, at offset: Int, count: Int) throws(DiskError) -> [UInt8]
  func size(of file: OpenFile) throws(DiskError) -> Int
  /// Makes the content durable, and what is needed to read it back.
  func synchronizeData(_ file: OpenFile) throws(DiskError)
  func synchronize(_ file: OpenFile) throws(DiskError)
  /// Writes zeros over the first `size` bytes, so that later writes need no space and no metadata.
  func preallocate(_ file: OpenFile, size: Int) throws(DiskError)
  func truncate(_ file: OpenFile, to size: Int) throws(DiskError)
  /// Takes an exclusive lock that ends with `unlock` or the process.
  func lock(_ file: OpenFile) throws(DiskError) -> LockOutcome
  /// Ends the lock of `lock`; nothing where there is none.
  func unlock(_ file: OpenFile)

  /// Replaces what is at `target`; atomic.
  func rename(_ path: String, to target: String) throws(DiskError)
  func unlink(_ path: String) throws(DiskError)
  /// Made for its owner alone.
  func makeDirectory(_ path: String) throws(DiskError)
  func removeDirectory(_ path: String) throws(DiskError)
  /// In no order.
  func list(_ path: String) throws(DiskError) -> [DiskEntry]
  /// Nil when there is nothing of that name.
  func facts(_ path: String) throws(DiskError) -> FileFacts?
  func synchronizeDirectory(_ path: String) throws(DiskError)
  /// Everything of the file system that the spool is on.
  func synchronizeAll() throws(DiskError)
  func space() throws(DiskError) -> DiskSpace
  /// The user that this process acts as, for checks of ownership.
  var user: UInt32 { get }
}

package enum OpenMode: Sendable {
  case read
  /// For reading and writing; it must be there.
  case write
  /// For reading and writing, mode 0600; it must not be there.
  case create
}

package enum LockOutcome: Sendable {
  case taken
  case held
}

/// An open file of a `Disk`, which must be closed there.
package struct OpenFile: Hashable, Sendable {
  package let number: Int32

  package init(number: Int32) { self.number = number }
}

package struct DiskEntry: Hashable, Sendable {
  package enum Kind: Sendable {
    case file
    case directory
    /// A symbolic link, a socket: nothing of ours.
    case other
  }

  package let name: String
  package let kind: Kind

  package init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }
}

package struct FileFacts: Hashable, Sendable {
  package var kind: DiskEntry.Kind
  package var size: Int
  package var owner: UInt32
  /// The permission bits.
  package var mode: UInt32
  package var modifiedMilliseconds: Int64

  package init(
    kind: DiskEntry.Kind,
    size: Int,
    owner: UInt32,
    mode: UInt32,
    modifiedMilliseconds: Int64
  ) {
    self.kind = kind
    self.size = size
    self.owner = owner
    self.mode = mode
    self.modifiedMilliseconds = modifiedMilliseconds
  }
}

extension Disk {
  /// The same, unless the disk knows better.
  package var place: String { root }

  /// Makes `path` unless it is there.
  package func ensureDirectory(_ path: String) throws(DiskError) {
    do {
      try makeDirectory(path)
    } catch let error where error.code == .exists {
      return
    }
  }

  /// The whole content of a small file, at most `limit` bytes of it; nil when there is none.
  package func content(of path: String, atMost limit: Int) throws(DiskError) -> [UInt8]? {
    guard let file = try openIfPresent(path) else { return nil }
    defer { close(file) }
    return try read(file, at: 0, count: limit)
  }

  /// A file to be read; nil when there is none.
  func openIfPresent(_ path: String) throws(DiskError) -> OpenFile? {
    do {
      return try open(path, .read)
    } catch let error where error.code == .absent {
      return nil
    }
  }

  /// Replaces `path` by `bytes` through a temporary name, durable on return.
  package func replace(
    _ path: String,
    with bytes: [UInt8],
    through temporary: String
  ) throws(DiskError) {
    try removeIfPresent(temporary)
    let file = try open(temporary, .create)
    do {
      defer { close(file) }
      try write(bytes, to: file, at: 0)
      try synchronize(file)
    }
    try rename(temporary, to: path)
    try synchronizeDirectory(parentDirectory(of: path))
  }

  /// Unlinks `path` if it is there.
  package func removeIfPresent(_ path: String) throws(DiskError) {
    do {
      try unlink(path)
    } catch let error where error.code == .absent {
      return
    }
  }
}

/// The path without its last part; empty for a name in the spool directory itself.
package func parentDirectory(of path: String) -> String {
  guard let slash = path.utf8.lastIndex(of: 0x2f) else { return "" }
  return String(path[..<slash])
}
