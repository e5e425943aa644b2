// SPDX-License-Identifier: ISC

internal import Glibc
internal import Interprocess

/// Paths and directories of the start.
enum FileSystem {
  struct Facts {
    let uid: UInt32
    let gid: UInt32
    let mode: UInt32
    let isDirectory: Bool
  }

  static func currentDirectory() -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    // The path is cut to the buffer, or there is none.
    guard unsafe getcwd(&buffer, buffer.count) != nil else { return "/" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Of the path itself, not of what a symbolic link points to; nil when it cannot be asked.
  static func facts(_ path: String) -> Facts? {
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe lstat(path, &facts) == 0 else { return nil }
    return Facts(
      uid: facts.st_uid,
      gid: facts.st_gid,
      mode: facts.st_mode & 0o7777,
      isDirectory: facts.st_mode & S_IFMT == S_IFDIR
    )
  }

  /// Makes a directory and those above it.
  static func makeDirectory(_ path: String, mode: UInt32) throws(StartupFailure) {
    guard facts(path)?.isDirectory != true else { return }
    let parts = path.split(separator: "/")
    var current = ""
    for (index, part) in parts.enumerated() {
      current += "/" + part
      let isLast = index == parts.count - 1
      guard facts(current) == nil else { continue }
      // A path is read during the call only.
      guard unsafe mkdir(current, isLast ? mode : 0o755) == 0 || errno == EEXIST else {
        throw StartupFailure("\(current): \(systemError())")
      }
    }
  }

  static func own(_ path: String, uid: UInt32, gid: UInt32, mode: UInt32) throws(StartupFailure) {
    // A path is read during the call only.
    guard unsafe lchown(path, uid, gid) == 0, unsafe chmod(path, mode) == 0 else {
      throw StartupFailure("\(path): \(systemError())")
    }
  }
}
