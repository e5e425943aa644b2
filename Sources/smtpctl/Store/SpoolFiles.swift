// SPDX-License-Identifier: ISC

import CLinux
import Glibc

/// The few questions about a stopped daemon's spool that its store does not answer.
enum SpoolFiles {
  private static let smallFile = 4096

  /// The beginning of a file; nil when there is none.
  static func read(_ path: String) throws(CommandFailure) -> [UInt8]? {
    // The path is a string of ours for the time of the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT, ENOTDIR: return nil
      case EACCES, EPERM: throw .forbidden
      case let reason: throw .failed("\(path): \(SystemCalls.explanation(reason))")
      }
    }
    defer { close(descriptor) }
    // The initializer gives room for the capacity that the call is told.
    return unsafe [UInt8](unsafeUninitializedCapacity: smallFile) { buffer, count in
      count = max(0, unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count))
    }
  }

  static func isDirectory(_ path: String) -> StoreAccess.Presence {
    guard let status = status(of: path) else { return .absent }
    return status.st_mode & S_IFMT == S_IFDIR ? .present : .absent
  }

  /// Becomes the user whom the spool's content belongs to, for good. Does nothing unless root.
  ///
  /// The spool itself may be root's, as OpenSMTPD has it: then the first thing in it counts that is
  /// not.
  static func becomeOwner(of spool: String) throws(CommandFailure) {
    guard geteuid() == 0 else { return }
    let names = ["", "/queue", "/journal", "/backend"] + entries(of: spool).map { "/" + $0 }
    let owner = names.lazy.compactMap { status(of: spool + $0) }.first { $0.st_uid != 0 }
    guard let owner else { return }
    var step: UnsafePointer<CChar>?
    // A null root means none; `step` points to a constant of the function.
    guard unsafe talaria_become(nil, owner.st_uid, owner.st_gid, &step) == 0 else {
      throw .failed("\(spool): becoming its user: \(SystemCalls.explanation(errno))")
    }
  }

  private static func status(of path: String) -> stat? {
    var status = stat()
    // The structure outlives the call.
    return unsafe lstat(path, &status) == 0 ? status : nil
  }

  private static func entries(of path: String) -> [String] {
    // The stream is closed on the way out, and each name is copied before the next is read.
    guard let stream = unsafe opendir(path) else { return [] }
    defer { _ = unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream), names.count < 64 {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
