// SPDX-License-Identifier: ISC

internal import CLinux
package import Queue

/// The right to be the one process that works on a spool; ends with `release`, the last reference or
/// the process.
package final class SpoolLock: Sendable {
  package static let name = "lock"

  private let disk: any Disk
  private let file: OpenFile

  private init(disk: any Disk, file: OpenFile) {
    self.disk = disk
    self.file = file
  }

  // The descriptor alone would not do: a process that another thread is just making has it, too,
  // until it runs its program.
  deinit {
    disk.unlock(file)
    disk.close(file)
  }

  /// Takes the lock and writes our process id into its file.
  ///
  /// - Throws: `StoreError.busy` with the holder's process id.
  package static func take(on disk: any Disk) throws(StoreError) -> SpoolLock {
    let file = try disk.asStore { () throws(DiskError) in try openLock(on: disk) }
    let lock = SpoolLock(disk: disk, file: file)
    let outcome = try disk.asStore { () throws(DiskError) in try disk.lock(file) }
    guard outcome == .taken else {
      let content = try disk.asStore { () throws(DiskError) in
        try disk.read(file, at: 0, count: 16)
      }
      let line = String(decoding: content.prefix { $0 != 0x0a }, as: UTF8.self)
      throw .busy(path: disk.root, holder: Int32(line))
    }
    try disk.asStore { () throws(DiskError) in
      try disk.truncate(file, to: 0)
      try disk.write(Array("\(talaria_process_id())\n".utf8), to: file, at: 0)
    }
    return lock
  }

  private static func openLock(on disk: any Disk) throws(DiskError) -> OpenFile {
    do {
      return try disk.open(name, .create)
    } catch let error where error.code == .exists {
      return try disk.open(name, .write)
    }
  }
}

/// Who takes the lock of the spool.
package enum SpoolLocking: Sendable {
  /// The store, for as long as it is open.
  case take
  /// Whoever opens the store: a copy between two stores of one spool.
  case heldByCaller
}

/// The file that says which version wrote a spool.
package enum SpoolFormat {
  package static let name = "format"

  /// Throws for a spool of a newer version; writes `supported` into one that says nothing or less.
  ///
  /// - Throws: `StoreError.newerVersion`, and `.damaged` when the file is no number.
  package static func claim(_ supported: Int, on disk: any Disk) throws(StoreError) {
    let text = try disk.asStore { () throws(DiskError) in try disk.content(of: name, atMost: 64) }
    if let text {
      let digits = String(decoding: text.prefix { $0 != 0x0a }, as: UTF8.self)
      guard let found = Int(digits), found > 0 else {
        throw .damaged(path: "\(disk.root)/\(name)", problem: "not a version number")
      }
      guard found <= supported else {
        throw .newerVersion(path: disk.root, found: found, supported: supported)
      }
      if found == supported { return }
    }
    try disk.asStore { () throws(DiskError) in
      try disk.replace(name, with: Array("\(supported)\n".utf8), through: "\(name).new")
    }
  }
}
