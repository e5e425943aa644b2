// SPDX-License-Identifier: ISC

import Disk
import Synchronization

/// A disk whose calls that change something or make it durable fail when the test says so.
final class FaultyDisk: Disk {
  enum Operation: Sendable {
    case rename
    case synchronizeDirectory
    /// Writes the first half.
    case write
    case synchronizeData
    case preallocate
  }

  let disk: LinuxDisk
  /// Asked before each such call, with its path (of a rename: the target).
  private let isFailing = Mutex<@Sendable (Operation, String) -> Bool>({ _, _ in false })
  private let errno = Mutex<Int32>(5)

  /// Of the open files.
  private let paths = Mutex<[OpenFile: String]>([:])

  init(_ disk: LinuxDisk) { self.disk = disk }

  /// From now on what `isFailing` says true for fails: with EIO, if nothing else is said.
  func fail(errno: Int32 = 5, _ isFailing: @escaping @Sendable (Operation, String) -> Bool) {
    self.errno.withLock { $0 = errno }
    self.isFailing.withLock { $0 = isFailing }
  }

  func mend() { fail { _, _ in false } }

  private func attempt(_ operation: Operation, _ path: String) throws(DiskError) {
    guard isFailing.withLock({ $0(operation, path) }) else { return }
    throw DiskError(
      operation: "\(operation)",
      path: path,
      errno: errno.withLock { $0 },
      explanation: "injected"
    )
  }

  func rename(_ path: String, to target: String) throws(DiskError) {
    try attempt(.rename, target)
    try disk.rename(path, to: target)
  }

  func synchronizeDirectory(_ path: String) throws(DiskError) {
    try attempt(.synchronizeDirectory, path)
    try disk.synchronizeDirectory(path)
  }
}

extension FaultyDisk {
  var root: String { disk.root }
  var user: UInt32 { disk.user }

  func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> OpenFile {
    let file = try disk.open(path, mode)
    paths.withLock { $0[file] = path }
    return file
  }

  func close(_ file: OpenFile) { disk.close(file) }

  private func path(of file: OpenFile) -> String { paths.withLock { $0[file] } ?? "" }

  func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(DiskError) {
    do throws(DiskError) {
      try attempt(.write, path(of: file))
    } catch {
      try disk.write(Array(bytes.prefix(bytes.count / 2)), to: file, at: offset)
      throw error
    }
    try disk.write(bytes, to: file, at: offset)
  }

  func read(_ file: OpenFile, at offset: Int, count: Int) throws(DiskError) -> [UInt8] {
    try disk.read(file, at: offset, count: count)
  }

  func size(of file: OpenFile) throws(DiskError) -> Int { try disk.size(of: file) }

  func synchronizeData(_ file: OpenFile) throws(DiskError) {
    try attempt(.synchronizeData, path(of: file))
    try disk.synchronizeData(file)
  }

  func synchronize(_ file: OpenFile) throws(DiskError) { try disk.synchronize(file) }

  func preallocate(_ file: OpenFile, size: Int) throws(DiskError) {
    try attempt(.preallocate, path(of: file))
    try disk.preallocate(file, size: size)
  }

  func truncate(_ file: OpenFile, to size: Int) throws(DiskError) {
    try disk.truncate(file, to: size)
  }

  func lock(_ file: OpenFile) throws(DiskError) -> LockOutcome { try disk.lock(file) }
  func unlock(_ file: OpenFile) { disk.unlock(file) }

  func unlink(_ path: String) throws(DiskError) { try disk.unlink(path) }

  func makeDirectory(_ path: String) throws(DiskError) { try disk.makeDirectory(path) }

  func removeDirectory(_ path: String) throws(DiskError) { try disk.removeDirectory(path) }

  func list(_ path: String) throws(DiskError) -> [DiskEntry] { try disk.list(path) }

  func facts(_ path: String) throws(DiskError) -> FileFacts? { try disk.facts(path) }

  func synchronizeAll() throws(DiskError) { try disk.synchronizeAll() }

  func space() throws(DiskError) -> DiskSpace { try disk.space() }
}
