// SPDX-License-Identifier: ISC

import Glibc

/// The calls that a mailbox of the mbox format needs, each with its error number. What cannot be done now
/// is a temporary failure: quota, a full or read-only disk, rights that an operator has to mend.
enum MailboxFile {
  /// An open file, and whether it was made just now.
  struct Opened {
    let descriptor: CInt
    let isNew: Bool
  }

  /// What can take a message.
  enum Kind {
    case mailbox
    /// `/dev/null`: takes everything.
    case sink
  }

  /// How an attempt to make a lock ended.
  enum Lock {
    case made
    case taken
    /// The directory is not the user's to write into.
    case impossible
  }

  /// A write beyond a limit of the file size is an error and no signal.
  static func survivesLimits() { signal(SIGXFSZ, SIG_IGN) }

  /// Opens or makes a mailbox. No link is followed to it, and it has no second name.
  static func open(_ path: String) throws(AgentFailure) -> (file: Opened, kind: Kind) {
    let flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    var isNew = false
    // A Swift string becomes a zero-terminated one for the time of the call.
    var descriptor = unsafe Glibc.open(path, flags)
    if descriptor < 0, errno == ENOENT {
      // As above.
      descriptor = unsafe Glibc.open(path, flags | O_CREAT, 0o600)
      isNew = true
    }
    guard descriptor >= 0 else {
      guard errno == ELOOP else { throw failure("cannot open \(path)") }
      throw AgentFailure(
        code: AgentFailure.Code.temporary,
        text: "\(path) is a link, which mail does not follow"
      )
    }
    var status = stat()
    // Fills the local variable.
    guard unsafe fstat(descriptor, &status) == 0 else {
      defer { close(descriptor) }
      throw failure("cannot examine \(path)")
    }
    let opened = Opened(descriptor: descriptor, isNew: isNew)
    switch status.st_mode & S_IFMT {
    case S_IFREG where status.st_nlink == 1: return (opened, .mailbox)
    case S_IFCHR where status.st_rdev == makedev(1, 3): return (opened, .sink)
    default:
      close(descriptor)
      throw AgentFailure(
        code: AgentFailure.Code.cannotCreate,
        text: "\(path) is no plain file of one name"
      )
    }
  }

  private static func makedev(_ major: dev_t, _ minor: dev_t) -> dev_t { major << 8 | minor }

  /// The lock of fcntl(2) on the whole file, with others that hold it waited for.
  static func lock(_ descriptor: CInt, patience: Int) throws(AgentFailure) {
    var request = flock()
    request.l_type = Int16(F_WRLCK)
    request.l_whence = Int16(SEEK_SET)
    for turn in 0...(patience * 10) {
      // The structure is read during the call only.
      if unsafe fcntl(descriptor, F_SETLK, &request) == 0 { return }
      guard errno == EAGAIN || errno == EACCES || errno == EINTR else {
        throw failure("cannot lock the mailbox")
      }
      if turn < patience * 10 { usleep(100_000) }
    }
    throw AgentFailure(code: AgentFailure.Code.temporary, text: "the mailbox is locked")
  }

  /// Whether the open file is the one that has the name.
  static func isStill(_ descriptor: CInt, at path: String) -> Bool {
    var open = stat()
    var named = stat()
    // Both fill local variables.
    return unsafe fstat(descriptor, &open) == 0 && lstat(path, &named) == 0
      && open.st_dev == named.st_dev && open.st_ino == named.st_ino
  }

  static func size(_ descriptor: CInt) throws(AgentFailure) -> Int {
    var status = stat()
    // Fills the local variable.
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw failure("cannot examine the mailbox")
    }
    return status.st_size
  }

  /// A file that has no name, and ends with its descriptor.
  static func makeUnnamed(in directories: [String]) throws(AgentFailure) -> CInt {
    for directory in directories {
      let path = "\(directory)/.ms\(getpid()).\(UInt64.random(in: 0 ... .max))"
      let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
      // A Swift string becomes a zero-terminated one for the time of the call.
      let descriptor = unsafe Glibc.open(path, flags, 0o600)
      guard descriptor >= 0 else { continue }
      MaildirFile.remove(path)
      return descriptor
    }
    throw failure("cannot keep the message in \(directories.joined(separator: " or "))")
  }

  static func truncate(_ descriptor: CInt, to size: Int) {
    _ = ftruncate(descriptor, size)
  }

  /// Makes a lock file: nobody else has it when it is made.
  static func makeLock(_ path: String, in directory: String) throws(AgentFailure) -> Lock {
    let own = "\(directory)/.lk\(getpid()).\(UInt32.random(in: 0 ... .max))"
    // The strings live for the time of the calls.
    let file = unsafe Glibc.open(own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o444)
    guard file >= 0 else {
      if [EACCES, EPERM].contains(errno) { return .impossible }
      throw failure("cannot lock \(path)")
    }
    // Those who look into a lock find the process that holds it.
    try? MaildirFile.writeAll(file, Array("\(getpid())\n".utf8))
    close(file)
    defer { MaildirFile.remove(own) }
    var status = stat()
    // A link that succeeded may be told as failed over NFS: the count of names tells the truth.
    if unsafe link(own, path) == 0 || (stat(own, &status) == 0 && status.st_nlink == 2) {
      return .made
    }
    guard errno == EEXIST else {
      // A file system without hard links.
      guard [EPERM, EOPNOTSUPP, EMLINK].contains(errno) else {
        throw failure("cannot lock \(path)")
      }
      // As above.
      let lock = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o444)
      guard lock >= 0 else { return .taken }
      close(lock)
      return .made
    }
    return .taken
  }

  /// Seconds since a file was changed; nil when there is none.
  static func age(of path: String) -> Int? {
    var status = stat()
    // Fills the local variable.
    guard unsafe lstat(path, &status) == 0 else { return nil }
    return time(nil) - status.st_mtim.tv_sec
  }

  static func pause(seconds: UInt32) { sleep(seconds) }

  static func directory(of path: String) -> String {
    let parts = path.split(separator: "/")
    return "/" + parts.dropLast().joined(separator: "/")
  }

  /// Now, as asctime(3) writes it.
  static func date() -> String {
    var now = time(nil)
    var text = [CChar](repeating: 0, count: 32)
    // ctime_r(3) fills at most 26 bytes.
    guard unsafe ctime_r(&now, &text) != nil else { return "Thu Jan  1 00:00:00 1970" }
    return String(
      decoding: text.prefix { $0 != 0 && $0 != 0x0a }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
  }

  /// What the last call that failed says of it.
  static func failure(_ what: String) -> AgentFailure {
    let number = errno
    // A constant string of the library, or one that the next call on this thread may change: copied.
    let reason = unsafe String(cString: strerror(number))
    let code =
      switch number {
      case ELOOP, EISDIR, ENOTDIR, ENAMETOOLONG: AgentFailure.Code.cannotCreate
      default: AgentFailure.Code.temporary
      }
    return AgentFailure(code: code, text: "\(what): \(reason)")
  }
}
