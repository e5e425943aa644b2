// SPDX-License-Identifier: ISC

internal import Glibc
internal import Mail
internal import Submission

/// `~/dead.letter`: where a message goes that the server refused.
enum DeadLetter {
  /// Appends the message, as a mailbox has it, whole or not at all. Returns the path; nil when it cannot be kept there.
  static func keep(_ input: [UInt8], of caller: Caller, at now: Instant) -> String? {
    guard let home = caller.home else { return nil }
    let path = home + "/dead.letter"
    let flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
    // A path is read during the call only.
    let file = unsafe open(path, flags, 0o600)
    guard file >= 0 else { return nil }
    defer { close(file) }
    // Against another of these, which takes no time; whoever else has it is not waited for.
    var tries = 20
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      tries -= 1
      guard tries > 0 else { return nil }
      usleep(50_000)
    }
    var facts = stat()
    // The structure is written during the call only.
    guard unsafe fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
      facts.st_uid == caller.uid
    else { return nil }
    let entry = entry(input, from: caller.login.name, at: now)
    let gap = endsLine(file, at: facts.st_size) ? [] : [UInt8(ascii: "\n")]
    guard Output.write(gap + entry, to: file) == 0, fsync(file) == 0 else {
      // Half a message would be a part of what comes after it.
      _ = ftruncate(file, facts.st_size)
      return nil
    }
    return path
  }

  /// Whether a message can begin at the end of the file.
  private static func endsLine(_ file: CInt, at size: off_t) -> Bool {
    guard size > 0 else { return true }
    var last: UInt8 = 0
    // One byte.
    return unsafe pread(file, &last, 1, size - 1) != 1 || last == UInt8(ascii: "\n")
  }

  private static func entry(_ message: [UInt8], from name: String, at now: Instant) -> [UInt8] {
    var text = MailboxText()
    let head = MailboxText.firstLine(sender: name, date: date(now))
    return head + text.quote(message) + text.end()
  }

  /// As asctime(3) writes it, here.
  private static func date(_ now: Instant) -> String {
    var seconds = time_t(now.seconds)
    var text = [CChar](repeating: 0, count: 32)
    // ctime_r(3) fills at most 26 bytes.
    guard unsafe ctime_r(&seconds, &text) != nil else { return "Thu Jan  1 00:00:00 1970" }
    return String(
      decoding: text.prefix { $0 != 0 && $0 != 0x0a }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
  }
}

/// Writes to descriptors.
enum Output {
  /// All of the bytes. Returns 0, or the error's number.
  static func write(_ bytes: [UInt8], to descriptor: CInt) -> CInt {
    // The pointer is used within the closure only, and within the buffer's bounds.
    unsafe bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
        let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count > 0 {
          offset += count
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }

  /// A line for whoever started this.
  static func report(_ text: String) {
    _ = write(Array("sendmail: \(text.visible(keeping: "\n"))\n".utf8), to: STDERR_FILENO)
  }
}
