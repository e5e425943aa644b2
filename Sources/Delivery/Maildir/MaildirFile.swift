// SPDX-License-Identifier: ISC

import Glibc

/// The few calls that a maildir needs, each with its error number. Paths are the user's own.
enum MaildirFile {
  typealias Failure = MaildirDelivery.Failure

  /// Makes a directory for its owner only; one that is there is as good. Returns whether it was made.
  ///
  /// Who may not make it is to try again: what should be there may lie on a disk that is not mounted now.
  static func makeDirectory(_ path: String) throws(Failure) -> Bool {
    // A Swift string becomes a zero-terminated one for the time of the call.
    if unsafe mkdir(path, 0o700) == 0 { return true }
    let number = errno
    guard number != EEXIST else { return false }
    let failure = failure("cannot make \(path)")
    guard number == EACCES || number == EPERM else { throw failure }
    throw Failure(code: MaildirDelivery.Code.temporary, text: failure.text)
  }

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    // Fills the local variable.
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// A new file for its owner only, which nobody else may have made.
  static func create(_ path: String) throws(Failure) -> CInt {
    // A Swift string becomes a zero-terminated one for the time of the call.
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("cannot make \(path)") }
    return descriptor
  }

  /// Up to `room` bytes, empty at the end: those that come next, or those at a place of a file.
  static func read(
    _ descriptor: CInt,
    at offset: Int? = nil,
    room: Int
  ) throws(Failure) -> [UInt8] {
    while true {
      var count = 0
      // The buffer is filled up to `filled`.
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
        let start = buffer.baseAddress
        // Either call writes at most `room` bytes, which the buffer has.
        if let offset {
          unsafe count = pread(descriptor, start, room, offset)
        } else {
          // As above.
          unsafe count = Glibc.read(descriptor, start, room)
        }
        filled = max(0, count)
      }
      if count >= 0 { return bytes }
      guard errno == EINTR else { throw failure("cannot read the message") }
    }
  }

  static func writeAll(_ descriptor: CInt, _ bytes: [UInt8]) throws(Failure) {
    var written = 0
    while written < bytes.count {
      // write(2) reads what the slice of the array holds.
      let count = unsafe bytes[written...].withUnsafeBytes { slice in
        unsafe Glibc.write(descriptor, slice.baseAddress, slice.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("cannot write the message") }
      written += count
    }
  }

  static func synchronize(_ descriptor: CInt) throws(Failure) {
    guard fsync(descriptor) == 0 else { throw failure("cannot sync the message") }
  }

  static func synchronize(directory path: String) throws(Failure) {
    // A Swift string becomes a zero-terminated one for the time of the call.
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot open \(path)") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("cannot sync \(path)") }
  }

  /// Never over a file that is there.
  static func move(_ source: String, to target: String) throws(Failure) {
    // A Swift string becomes a zero-terminated one for the time of the call.
    guard unsafe link(source, target) == 0 else {
      // Some file systems have no hard links; the name is unique.
      guard errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK,
        unsafe rename(source, target) == 0
      else { throw failure("cannot make \(target)") }
      return
    }
    // A Swift string becomes a zero-terminated one for the time of the call.
    _ = unsafe unlink(source)
  }

  static func close(_ descriptor: CInt) { _ = Glibc.close(descriptor) }

  static func remove(_ path: String) {
    // A Swift string becomes a zero-terminated one for the time of the call.
    _ = unsafe unlink(path)
  }

  static func complain(_ text: String) {
    let line = Array(text.utf8.prefix(500)) + [0x0a]
    try? writeAll(2, line)
  }

  static var seconds: Int {
    time(nil)
  }

  static var hostName: String {
    var name = utsname()
    // Fills the local variable, with a zero byte behind each text.
    guard unsafe uname(&name) == 0 else { return "localhost" }
    // The field lives as long as the closure.
    let bytes = unsafe withUnsafeBytes(of: name.nodename) { bytes in
      // The field's own bytes, copied.
      unsafe Array(bytes.prefix { $0 != 0 })
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.isEmpty || text.contains("/") ? "localhost" : text
  }

  private static func failure(_ what: String) -> Failure {
    let number = errno
    // A constant string of the library, or one that the next call on this thread may change: copied.
    let reason = unsafe String(cString: strerror(number))
    let code: Int32 =
      switch number {
      case EACCES, EPERM, ENOTDIR, ELOOP, ENAMETOOLONG: MaildirDelivery.Code.cannotCreate
      default: MaildirDelivery.Code.temporary
      }
    return Failure(code: code, text: "\(what): \(reason)")
  }
}
