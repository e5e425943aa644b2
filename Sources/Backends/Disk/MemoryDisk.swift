// SPDX-License-Identifier: ISC

private import Synchronization

/// A disk in memory that knows what would survive a power cut, for tests.
///
/// What was written is lost, kept or torn until the file is synced; a name until its directory is. A
/// rename is atomic, and durable once either directory is synced. A sync that fails loses for good
/// what it was to make durable, though it can still be read: so do real file systems.
package final class MemoryDisk: Disk {
  /// What goes wrong, and when. Operations that change or sync count from 1.
  package enum Fault: Hashable, Sendable {
    case none
    /// The power fails during this operation; each later one fails too.
    case powerCut(at: Int)
    /// This operation and the next ones of its kind fail with the error number given, `times` in all; all
    /// others go well.
    case failure(at: Int, times: Int = 1, errno: Int32)
    /// This operation and all later ones fail with it.
    case failureFrom(Int, errno: Int32)
    /// No space: nothing can be made and no file grows, all else goes well.
    case full
    /// No file grows beyond so many bytes of all files together.
    case room(Int)
  }

  /// What a power cut leaves of what was not synced.
  package enum Survival: Hashable, Sendable {
    case nothing
    case everything
    /// Each step by chance; writes are torn at sectors of 512 bytes.
    case chance(seed: UInt64)
  }

  package let root = "memory"
  package var user: UInt32 { 0 }
  private let state: Mutex<MemoryDiskState>

  package init() { state = Mutex(MemoryDiskState()) }

  private init(_ initial: MemoryDiskState) { state = Mutex(initial) }

  package var fault: Fault {
    get { state.withLock { $0.fault } }
    set {
      state.withLock { state in
        state.fault = newValue
        state.failing = nil
      }
    }
  }

  /// How many operations that change or sync were begun.
  package var operations: Int { state.withLock { $0.operations } }

  /// How many bytes of files were read.
  package var bytesRead: Int { state.withLock { $0.bytesRead } }

  /// One line for each operation that changed or synced something.
  package var trace: [String] { state.withLock { $0.trace } }

  package func clearTrace() { state.withLock { $0.trace = [] } }

  /// Room as it is to be reported; writes do not consume it.
  package var reportedSpace: DiskSpace {
    get { state.withLock { $0.space } }
    set { state.withLock { $0.space = newValue } }
  }

  /// The disk as it is found after a power cut now. This one goes on as if there had been none.
  package func afterPowerCut(_ survival: Survival) -> MemoryDisk {
    MemoryDisk(state.withLock { $0.afterPowerCut(survival) })
  }

  /// Everything below `path`, with its content, for comparing and for damaging.
  package func files(below path: String = "") -> [String: [UInt8]] {
    state.withLock { $0.files(below: path) }
  }

  /// Flips one bit of a file's durable and current content.
  package func flipBit(_ bit: Int, ofByte offset: Int, in path: String) {
    state.withLock { $0.flip(bit, offset, path) }
  }

  /// From now on opening, listing or moving `path` fails with `errno`; nil mends it.
  package func refuse(_ path: String, errno: Int32?) {
    state.withLock { $0.refusals[path] = errno }
  }

  /// From now on what is in `directory` can be listed, and nothing else; nil mends it.
  package func refuseSearch(in directory: String, errno: Int32?) {
    state.withLock { $0.unsearchable[directory] = errno }
  }

  /// A lock that another process holds, for tests of the refusal.
  package func holdLock(_ path: String) throws(DiskError) {
    try change { state throws(DiskError) in
      let node = try state.find(path, "lock")
      state.locks.insert(node)
    }
  }

  package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> OpenFile {
    try change { state throws(DiskError) in try state.open(path, mode) }
  }

  package func close(_ file: OpenFile) { state.withLock { $0.close(file) } }

  package func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(DiskError) {
    try change { state throws(DiskError) in try state.write(bytes, file, offset) }
  }

  package func read(
    _ file: OpenFile,
    at offset: Int,
    count: Int
  ) throws(DiskError) -> [UInt8] {
    try change { state throws(DiskError) in
      let content = try state.file(file, "read").current
      let bytes = Array(content.dropFirst(offset).prefix(count))
      state.bytesRead += bytes.count
      return bytes
    }
  }

  package func size(of file: OpenFile) throws(DiskError) -> Int {
    try change { state throws(DiskError) in try state.file(file, "stat").current.count }
  }

  package func synchronizeData(_ file: OpenFile) throws(DiskError) {
    try change { state throws(DiskError) in try state.synchronize(file, "fdatasync") }
  }

  package func synchronize(_ file: OpenFile) throws(DiskError) {
    try change { state throws(DiskError) in try state.synchronize(file, "fsync") }
  }

  package func preallocate(_ file: OpenFile, size: Int) throws(DiskError) {
    try write([UInt8](repeating: 0, count: size), to: file, at: 0)
  }

  package func truncate(_ file: OpenFile, to size: Int) throws(DiskError) {
    try change { state throws(DiskError) in try state.truncate(file, size) }
  }

  package func lock(_ file: OpenFile) throws(DiskError) -> LockOutcome {
    try change { state throws(DiskError) in
      guard let node = state.handles[file.number]?.node else {
        throw MemoryDiskState.error("lock", "", 9)
      }
      guard state.locks.insert(node).inserted else { return .held }
      state.handles[file.number]?.hasLock = true
      return .taken
    }
  }

  /// Nobody shares a descriptor of this disk.
  package func unlock(_ file: OpenFile) { state.withLock { $0.unlock(file) } }

  package func rename(_ path: String, to target: String) throws(DiskError) {
    try change { state throws(DiskError) in try state.rename(path, target) }
  }

  package func unlink(_ path: String) throws(DiskError) {
    try change { state throws(DiskError) in try state.remove(path, "unlink") }
  }

  package func makeDirectory(_ path: String) throws(DiskError) {
    try change { state throws(DiskError) in try state.makeDirectory(path) }
  }

  package func removeDirectory(_ path: String) throws(DiskError) {
    try change { state throws(DiskError) in try state.remove(path, "rmdir") }
  }

  package func list(_ path: String) throws(DiskError) -> [DiskEntry] {
    try change { state throws(DiskError) in try state.list(path) }
  }

  package func facts(_ path: String) throws(DiskError) -> FileFacts? {
    try change { state throws(DiskError) in try state.facts(path) }
  }

  package func synchronizeDirectory(_ path: String) throws(DiskError) {
    try change { state throws(DiskError) in try state.synchronizeDirectory(path) }
  }

  package func synchronizeAll() throws(DiskError) {
    try change { state throws(DiskError) in try state.synchronizeAll() }
  }

  package func space() throws(DiskError) -> DiskSpace { state.withLock { $0.space } }

  /// Runs `work` under the lock, with its error's type kept.
  private func change<Value: Sendable>(
    _ work: (inout MemoryDiskState) throws(DiskError) -> Value
  ) throws(DiskError) -> Value {
    let outcome = state.withLock { state -> Result<Value, DiskError> in
      do throws(DiskError) {
        return .success(try work(&state))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}
