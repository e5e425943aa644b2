// SPDX-License-Identifier: ISC

import CLinux
import Disk
import Glibc
import StoreFactory

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

  /// Whether the error's number says that there is no such thing.
  static func isAbsence(_ number: Int32) -> Bool { number == ENOENT || number == ENOTDIR }

  /// Whether it says that this user may not.
  static func isDenial(_ number: Int32) -> Bool { number == EACCES || number == EPERM }

  /// The path without links; as it is when it leads nowhere.
  static func canonical(_ path: String) -> String {
    // The result is copied, and then freed as realpath(3) asks.
    guard let resolved = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// Becomes the user whom the spool's content belongs to, for good. Does nothing unless root.
  ///
  /// Who only reads may do so on a file system that cannot be written, and changes nothing of a spool of
  /// root's, which OpenSMTPD may be started on again: what opening a store writes is kept in memory then,
  /// and seen by this process alone.
  static func becomeOwner(
    of spool: String,
    toDo use: StoreAccess.Use
  ) throws(CommandFailure) {
    guard geteuid() == 0 else { return }
    if use == .read, isReadOnly(spool) || isRoots(spool) {
      try layMemory(over: spool)
    }
    guard let owner = owner(of: spool) else { return }
    try adopt(spool, owner)
    var step: UnsafePointer<CChar>?
    // A null root means none; `step` points to a constant of the function.
    guard unsafe talaria_become(nil, owner.st_uid, owner.st_gid, &step) == 0 else {
      throw .failed("\(spool): becoming its user: \(SystemCalls.explanation(errno))")
    }
  }

  private static func isReadOnly(_ path: String) -> Bool {
    // The path is a string of ours for the time of the call.
    unsafe talaria_is_read_only(path) == 1
  }

  /// Whether it is as OpenSMTPD leaves a spool.
  private static func isRoots(_ spool: String) -> Bool { status(of: spool)?.st_uid == 0 }

  private static func layMemory(over spool: String) throws(CommandFailure) {
    let device = status(of: spool)?.st_dev
    for name in StoreFactory.ownedDirectories {
      guard let found = status(of: "\(spool)/\(name)"), found.st_dev != device else { continue }
      throw .failed("\(spool)/\(name): a file system of its own cannot be read this way")
    }
    try holdLock(of: spool)
    // As above; `step` points to a constant of the function.
    var step: UnsafePointer<CChar>?
    guard unsafe talaria_lay_memory_over(spool, &step) == 0 else {
      let reason = SystemCalls.explanation(errno)
      let name = unsafe step.map { unsafe String(cString: $0) } ?? ""
      throw .failed(
        "\(spool) cannot be read without writing there: \(name): \(reason)"
      )
    }
  }

  /// A daemon may serve the spool by another mount of it: the lock that counts is the one below the memory.
  /// It is held until this process ends.
  private static func holdLock(of spool: String) throws(CommandFailure) {
    let path = "\(spool)/\(SpoolLock.name)"
    // The path is a string of ours for the time of the call.
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else {
      if isAbsence(errno) { return }
      throw failure(path)
    }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      close(file)
      throw reason == EWOULDBLOCK ? .failed("\(path): another process has it") : failure(path)
    }
  }

  /// A spool of root's, as OpenSMTPD leaves it, becomes that of the user whom its content belongs to, as when
  /// smtpd serves it: whoever works on it writes there.
  private static func adopt(_ spool: String, _ owner: stat) throws(CommandFailure) {
    guard isRoots(spool) else { return }
    try refuseOthers(in: spool, owner)
    // The path is a string of ours for the time of the call; no link is followed.
    let directory = unsafe open(spool, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else { throw failure(spool) }
    defer { close(directory) }
    guard fchown(directory, owner.st_uid, owner.st_gid) == 0, fchmod(directory, 0o711) == 0 else {
      throw failure(spool)
    }
  }

  private static func refuseOthers(in spool: String, _ owner: stat) throws(CommandFailure) {
    for name in StoreFactory.ownedDirectories {
      guard let found = status(of: "\(spool)/\(name)"), found.st_uid != owner.st_uid else {
        continue
      }
      throw .failed("\(spool)/\(name): belongs to uid \(found.st_uid) and not to \(owner.st_uid)")
    }
  }

  /// Makes a directory, if there is none, that belongs to whom `model`'s content belongs to. An empty one
  /// of root's is taken for one that was just made: a copy may have been killed then.
  static func prepare(_ spool: String, like model: String) throws(CommandFailure) {
    let owner = geteuid() == 0 ? owner(of: model) : nil
    // First: whoever cannot read the one need not make the other.
    if let owner, isRoots(model) { try refuseOthers(in: model, owner) }
    // The path is a string of ours for the time of the call.
    if unsafe mkdir(spool, 0o700) != 0 {
      guard errno == EEXIST else { throw failure(spool) }
      guard let found = status(of: spool), found.st_mode & S_IFMT == S_IFDIR, found.st_uid == 0,
        entries(of: spool).isEmpty
      else { return }
    }
    guard let owner else { return }
    // As above; nobody but root could have put another thing in its place.
    guard unsafe lchown(spool, owner.st_uid, owner.st_gid) == 0 else { throw failure(spool) }
  }

  /// Writes a small file under another name first, so that it is never half there; durable on return.
  static func write(
    _ text: String,
    to name: String,
    in directory: String
  ) throws(CommandFailure) {
    let path = "\(directory)/\(name)"
    let temporary = path + ".new"
    // The path is a string of ours for the time of the call.
    let descriptor = unsafe open(
      temporary,
      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
      0o644
    )
    guard descriptor >= 0 else { throw failure(temporary) }
    let status = SystemCalls.writeAll(Array(text.utf8), to: descriptor)
    let isDurable = status == 0 && fsync(descriptor) == 0
    close(descriptor)
    // As above, both.
    guard isDurable, unsafe rename(temporary, path) == 0 else { throw failure(path) }
    let parent = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard parent >= 0 else { throw failure(directory) }
    defer { close(parent) }
    guard fsync(parent) == 0 else { throw failure(directory) }
  }

  private static func failure(_ path: String) -> CommandFailure {
    .failed("\(path): \(SystemCalls.explanation(errno))")
  }

  /// The status of the first thing of a spool that is not root's: the spool itself may be root's, as
  /// OpenSMTPD has it.
  private static func owner(of spool: String) -> stat? {
    let names = ["", "/queue", "/journal", "/backend"] + entries(of: spool).map { "/" + $0 }
    return names.lazy.compactMap { status(of: spool + $0) }.first { $0.st_uid != 0 }
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
