// SPDX-License-Identifier: ISC

internal import CLinux

/// The real disk: every path is resolved by the kernel below the spool's own descriptor.
package final class LinuxDisk: Disk {
  package let root: String
  /// As it was given.
  package let place: String
  private let directory: Int32

  /// Opens the spool directory, which must exist. Symbolic links on the way to it are followed.
  ///
  /// - Parameter name: the same directory as people know it, where this process has another root.
  package init(root place: String, shownAs name: String? = nil) throws(DiskError) {
    self.place = place
    root = name ?? place
    // The string lives as long as the call.
    directory = unsafe talaria_file_root(place)
    guard directory >= 0 else { throw LinuxDisk.error(-directory, "open", "") }
  }

  deinit { _ = talaria_file_close(directory) }

  package var user: UInt32 { talaria_file_user() }

  package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> OpenFile {
    let number =
      switch mode {
      case .read: TALARIA_FILE_READ
      case .write: TALARIA_FILE_WRITE
      case .create: TALARIA_FILE_CREATE
      }
    // The string lives as long as the call.
    let file = unsafe talaria_file_open(directory, path, Int32(number.rawValue))
    guard file >= 0 else { throw LinuxDisk.error(-file, "open", path) }
    return OpenFile(number: file)
  }

  package func close(_ file: OpenFile) { _ = talaria_file_close(file.number) }

  package func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(DiskError) {
    // The buffer does not leave the closure.
    let outcome = unsafe bytes.withUnsafeBytes { buffer in
      // The buffer is valid in this closure and its length is its own.
      unsafe talaria_file_write(file.number, buffer.baseAddress, buffer.count, Int64(offset))
    }
    if outcome < 0 { throw LinuxDisk.error(Int32(-outcome), "write", "") }
  }

  package func read(
    _ file: OpenFile,
    at offset: Int,
    count: Int
  ) throws(DiskError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0)
    var outcome: Int64 = 0
    // A limit of the caller may be far above the file's size: do not reserve what is not there.
    let room = count > 1 << 20 ? min(count, max(0, try size(of: file) - offset)) : count
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
      // The kernel initializes as many bytes as it says, never more than the buffer has.
      outcome = unsafe talaria_file_read(file.number, buffer.baseAddress, room, Int64(offset))
      initialized = max(0, Int(outcome))
    }
    if outcome < 0 { throw LinuxDisk.error(Int32(-outcome), "read", "") }
    return bytes
  }

  package func size(of file: OpenFile) throws(DiskError) -> Int {
    var facts = talaria_file_facts()
    // The pointer is to a local value and not kept.
    try check(unsafe talaria_file_facts_of(file.number, &facts), "stat", "")
    return Int(facts.size)
  }

  package func synchronizeData(_ file: OpenFile) throws(DiskError) {
    try check(talaria_file_sync_data(file.number), "fdatasync", "")
  }

  package func synchronize(_ file: OpenFile) throws(DiskError) {
    try check(talaria_file_sync(file.number), "fsync", "")
  }

  package func preallocate(_ file: OpenFile, size: Int) throws(DiskError) {
    try check(talaria_file_zero(file.number, Int64(size)), "write", "")
  }

  package func truncate(_ file: OpenFile, to size: Int) throws(DiskError) {
    try check(talaria_file_truncate(file.number, Int64(size)), "truncate", "")
  }

  package func lock(_ file: OpenFile) throws(DiskError) -> LockOutcome {
    let outcome = talaria_file_lock(file.number)
    if outcome == -11 { return .held }
    try check(outcome, "lock", "")
    return .taken
  }

  /// Ends it for processes that share the descriptor, too.
  package func unlock(_ file: OpenFile) { talaria_file_unlock(file.number) }

  package func rename(_ path: String, to target: String) throws(DiskError) {
    // The strings live as long as the call.
    try check(unsafe talaria_file_rename(directory, path, target), "rename", path)
  }

  package func unlink(_ path: String) throws(DiskError) {
    // The string lives as long as the call.
    try check(unsafe talaria_file_unlink(directory, path), "unlink", path)
  }

  package func makeDirectory(_ path: String) throws(DiskError) {
    // The string lives as long as the call.
    try check(unsafe talaria_file_make_directory(directory, path), "mkdir", path)
  }

  package func removeDirectory(_ path: String) throws(DiskError) {
    // The string lives as long as the call.
    try check(unsafe talaria_file_remove_directory(directory, path), "rmdir", path)
  }

  package func list(_ path: String) throws(DiskError) -> [DiskEntry] {
    var list: UnsafeMutablePointer<UInt8>?
    // The list is the shim's; it is freed below, after everything was copied out of it.
    let length = unsafe talaria_file_list(directory, path, &list)
    guard length >= 0 else { throw LinuxDisk.error(Int32(-length), "list", path) }
    // Freed once, whatever happens.
    defer { unsafe talaria_file_free(list) }
    // The shim says how many bytes it filled.
    let bytes = unsafe Array(UnsafeBufferPointer(start: list, count: Int(length)))
    var entries: [DiskEntry] = []
    for record in bytes.split(separator: 0) {
      let kind: DiskEntry.Kind =
        switch record.first {
        case 1: .file
        case 2: .directory
        default: .other
        }
      let name = String(decoding: record.dropFirst(), as: UTF8.self)
      entries.append(DiskEntry(name: name, kind: kind))
    }
    return entries
  }

  package func facts(_ path: String) throws(DiskError) -> FileFacts? {
    var found = talaria_file_facts()
    // The pointer is to a local value and not kept.
    let outcome = unsafe talaria_file_stat(directory, path, &found)
    if outcome == -2 { return nil }
    try check(outcome, "stat", path)
    let kind: DiskEntry.Kind =
      switch found.kind {
      case 1: .file
      case 2: .directory
      default: .other
      }
    return FileFacts(
      kind: kind,
      size: Int(found.size),
      owner: found.owner,
      mode: found.mode,
      modifiedMilliseconds: found.modified_milliseconds
    )
  }

  package func synchronizeDirectory(_ path: String) throws(DiskError) {
    // The string lives as long as the call.
    let file = unsafe talaria_file_open(directory, path, Int32(TALARIA_FILE_DIRECTORY.rawValue))
    try check(file, "open", path)
    defer { _ = talaria_file_close(file) }
    try check(talaria_file_sync(file), "fsync", path)
  }

  package func synchronizeAll() throws(DiskError) {
    try check(talaria_file_sync_system(directory), "syncfs", "")
  }

  package func space() throws(DiskError) -> DiskSpace {
    var found = talaria_file_space()
    // The pointer is to a local value and not kept.
    try check(unsafe talaria_file_space_of(directory, &found), "statvfs", "")
    return DiskSpace(
      bytes: found.blocks &* found.block_size,
      bytesAvailable: found.blocks_available &* found.block_size,
      inodes: found.inodes,
      inodesAvailable: found.inodes_available
    )
  }

  private func check(
    _ outcome: Int32,
    _ operation: String,
    _ path: String
  ) throws(DiskError) {
    if outcome < 0 { throw LinuxDisk.error(-outcome, operation, path) }
  }

  private static func error(_ code: Int32, _ operation: String, _ path: String) -> DiskError {
    DiskError(operation: operation, path: path, errno: code, explanation: explanation(of: code))
  }

  private static func explanation(of code: Int32) -> String {
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 128) { buffer, initialized in
      unsafe buffer.initialize(repeating: 0)
      // The shim ends the text with a zero within the 128 bytes.
      unsafe buffer.baseAddress?.withMemoryRebound(to: CChar.self, capacity: 128) { text in
        unsafe talaria_file_explain(code, text, 128)
      }
      initialized = 128
    }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
