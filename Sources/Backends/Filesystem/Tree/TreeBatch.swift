// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail

/// Changes to the tree that become durable together, by `finish`.
///
/// A few are synced file by file and directory by directory, many by one sync of the file system.
/// Until `finish` has returned the journal must keep what they came from.
struct TreeBatch {
  enum Syncing {
    case eachFile
    case wholeSystem
  }

  private let tree: SpoolTree
  private let syncing: Syncing
  private var directories: Set<String> = []
  private(set) var hasChanges = false

  private var disk: any Disk { tree.disk }

  init(tree: SpoolTree, syncing: Syncing) {
    self.tree = tree
    self.syncing = syncing
  }

  /// Makes the message's directory and its bucket where they are missing.
  mutating func makeDirectory(of id: MessageID) throws(DiskError) {
    let path = SpoolTree.path(of: id)
    let bucket = SpoolTree.bucket(of: id)
    do {
      try disk.makeDirectory(path)
    } catch let error where error.code == .absent {
      try disk.ensureDirectory(bucket)
      directories.insert(SpoolTree.queue)
      try disk.ensureDirectory(path)
    } catch let error where error.code == .exists {
      // An earlier attempt made it; its name may not be durable yet.
    }
    hasChanges = true
    directories.insert(bucket)
    directories.insert(path)
    tree.appeared(id)
  }

  /// Writes a file that is not there yet, or replaces the one that is.
  mutating func write(_ bytes: [UInt8], to path: String) throws(DiskError) {
    do {
      try fill(path, bytes)
    } catch let error where error.code == .exists {
      let temporary = "\(SpoolTree.incoming)/envelope.tmp"
      try disk.removeIfPresent(temporary)
      try fill(temporary, bytes)
      try disk.rename(temporary, to: path)
    }
    hasChanges = true
    directories.insert(parentDirectory(of: path))
  }

  private func fill(_ path: String, _ bytes: [UInt8]) throws(DiskError) {
    let file = try disk.open(path, .create)
    defer { disk.close(file) }
    try disk.write(bytes, to: file, at: 0)
    if syncing == .eachFile { try disk.synchronizeData(file) }
  }

  /// Moves a body that is durable already to its message. One that an earlier attempt has moved is
  /// left. Returns whether the message has a body now.
  mutating func moveBody(from path: String, to id: MessageID) throws(DiskError) -> Bool {
    hasChanges = true
    directories.insert(SpoolTree.path(of: id))
    guard try disk.facts(path) != nil else { return try tree.bodySize(of: id) != nil }
    // The only copy must not move to a directory that a power cut can take away.
    try disk.synchronizeDirectory(SpoolTree.queue)
    try disk.synchronizeDirectory(SpoolTree.bucket(of: id))
    do {
      try disk.rename(path, to: SpoolTree.bodyPath(of: id))
      directories.insert(parentDirectory(of: path))
      return true
    } catch let error where error.code == .absent {
      return try tree.bodySize(of: id) != nil
    }
  }

  mutating func remove(_ id: EnvelopeID) throws(DiskError) {
    try disk.removeIfPresent(SpoolTree.path(of: id))
    hasChanges = true
    directories.insert(SpoolTree.path(of: id.message))
  }

  /// Removes the message's directory with all that is in it.
  mutating func remove(_ id: MessageID) throws(DiskError) {
    let path = SpoolTree.path(of: id)
    hasChanges = true
    do {
      for entry in try disk.list(path) where entry.kind != .directory {
        try disk.removeIfPresent("\(path)/\(entry.name)")
      }
      try disk.removeDirectory(path)
    } catch let error where error.code == .absent {
      // An earlier attempt removed it; that may not be durable yet.
    }
    directories.insert(SpoolTree.bucket(of: id))
  }

  /// Makes everything durable.
  consuming func finish() throws(DiskError) {
    guard hasChanges else { return }
    switch syncing {
    case .wholeSystem: try disk.synchronizeAll()
    case .eachFile:
      for directory in directories.sorted() {
        do {
          try disk.synchronizeDirectory(directory)
        } catch let error where error.code == .absent {
          // Removed later in the same batch; its parent is among the others.
        }
      }
    }
  }
}
