// SPDX-License-Identifier: ISC

package import Mail
package import Queue
private import Synchronization

/// Large bodies as files in a directory of one store, made durable before their envelopes join a
/// group.
///
/// No two stores share such a directory, so that what one of them sweeps or removes is never another's.
/// A store calls `sweep` while it opens, and reads and removes what its records name. May be called
/// from any thread.
package final class BodyStage: Sendable {
  /// The name of the directory, in the spool or in a store's own directory there.
  package static let name = "staged"

  package let directory: String
  private let disk: any Disk

  /// - Parameter store: the store's own directory in the spool; nil for the spool itself.
  package init(disk: any Disk, store: String? = nil) {
    self.disk = disk
    directory = store.map { "\($0)/\(BodyStage.name)" } ?? BodyStage.name
  }

  /// Makes the directory. Called once, before the others.
  package func open() throws(StoreError) {
    let parent = parentDirectory(of: directory)
    try disk.asStore { () throws(DiskError) in
      if !parent.isEmpty {
        try disk.ensureDirectory(parent)
        try disk.synchronizeDirectory("")
      }
      try disk.ensureDirectory(directory)
      try disk.synchronizeDirectory(parent)
    }
  }

  /// What becomes of a body that has the name of one that is begun.
  package enum Present: Sendable {
    /// It is what an earlier, failed attempt left: the store has no message of this identifier.
    case replaced
    /// It may be a message's.
    case kept
  }

  /// An empty body for `message`.
  ///
  /// - Throws: `StoreError.exists` when there is one that is to be kept.
  package func begin(
    _ message: MessageID,
    _ present: Present = .replaced
  ) throws(StoreError) -> StagedBody {
    let path = self.path(of: message)
    do throws(DiskError) {
      if present == .replaced { try disk.removeIfPresent(path) }
      return StagedBody(disk: disk, path: path, file: try disk.open(path, .create))
    } catch let error where error.code == .exists {
      throw .exists(message)
    } catch {
      throw error.storeError(in: disk.root)
    }
  }

  /// Up to `count` bytes from `offset`; fewer at the end only.
  ///
  /// - Throws: `StoreError.absent` when there is no such body.
  package func read(
    _ message: MessageID,
    from offset: Int,
    count: Int
  ) throws(StoreError) -> [UInt8] {
    let path = self.path(of: message)
    do throws(DiskError) {
      let file = try disk.open(path, .read)
      defer { disk.close(file) }
      return try disk.read(file, at: offset, count: count)
    } catch let error where error.code == .absent {
      throw .absent
    } catch {
      throw error.storeError(in: disk.root)
    }
  }

  /// Nil when there is no such body.
  package func size(of message: MessageID) throws(StoreError) -> Int? {
    try disk.asStore { () throws(DiskError) in try disk.facts(path(of: message))?.size }
  }

  /// The CRC-32C of a whole body; nil when there is no such body.
  package func checksum(of message: MessageID) throws(StoreError) -> UInt32? {
    try disk.asStore { () throws(DiskError) in try disk.checksum(of: path(of: message)) }
  }

  /// Removes a body if it is there; durable with the next sync of the directory (`synchronize`).
  package func remove(_ message: MessageID) throws(StoreError) {
    try disk.asStore { () throws(DiskError) in
      try disk.removeIfPresent(path(of: message))
    }
  }

  /// Makes all removals durable.
  package func synchronize() throws(StoreError) {
    try disk.asStore { () throws(DiskError) in
      try disk.synchronizeDirectory(directory)
    }
  }

  /// Removes what belongs to no message. Returns how many that were.
  package func sweep(keeping isNeeded: (MessageID) -> Bool) throws(StoreError) -> Int {
    var removed = 0
    let entries = try disk.asStore { () throws(DiskError) in try disk.list(directory) }
    for entry in entries where entry.kind == .file {
      if let id = MessageID(hexadecimal: entry.name), isNeeded(id) { continue }
      try disk.asStore { () throws(DiskError) in
        try disk.removeIfPresent("\(directory)/\(entry.name)")
      }
      removed += 1
    }
    if removed > 0 { try synchronize() }
    return removed
  }

  /// Where the body of `message` is.
  package func path(of message: MessageID) -> String { "\(directory)/\(message)" }
}

/// A body that is being written. Ends with `finish` or `discard`; one that is dropped is discarded.
package final class StagedBody: Sendable {
  /// What was written.
  package struct Content: Sendable {
    /// In bytes.
    package var size = 0
    /// CRC-32C.
    package var checksum: UInt32 { sum.value }
    fileprivate var sum = Checksum()
  }

  private struct State {
    var file: OpenFile?
    var content = Content()
  }

  private let disk: any Disk
  private let path: String
  private let state: Mutex<State>

  fileprivate init(disk: any Disk, path: String, file: OpenFile) {
    self.disk = disk
    self.path = path
    state = Mutex(State(file: file))
  }

  deinit { discard() }

  /// Bytes so far.
  package var size: Int { state.withLock { $0.content.size } }

  /// Appends to the file; not durable.
  package func append(_ bytes: [UInt8]) throws(StoreError) {
    let (file, offset) = state.withLock { state in
      let offset = state.content.size
      state.content.size += bytes.count
      state.content.sum.add(bytes.span)
      return (state.file, offset)
    }
    guard let file else { preconditionFailure("a body that has ended") }
    try disk.asStore { () throws(DiskError) in try disk.write(bytes, to: file, at: offset) }
  }

  /// Makes body and name durable. After a throw the body is gone.
  @discardableResult
  package func finish() throws(StoreError) -> Content {
    let (file, content) = take()
    guard let file else { preconditionFailure("a body that has ended") }
    do throws(DiskError) {
      defer { disk.close(file) }
      try disk.synchronizeData(file)
      try disk.synchronizeDirectory(parentDirectory(of: path))
    } catch {
      try? disk.unlink(path)
      throw error.storeError(in: disk.root)
    }
    return content
  }

  /// Removes the file; nothing when it has ended already.
  package func discard() {
    guard let file = take().0 else { return }
    disk.close(file)
    // A file that stays is swept away when the store opens.
    try? disk.unlink(path)
  }

  private func take() -> (OpenFile?, Content) {
    state.withLock { state in
      defer { state.file = nil }
      return (state.file, state.content)
    }
  }
}
