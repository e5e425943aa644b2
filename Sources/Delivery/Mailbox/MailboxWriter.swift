// SPDX-License-Identifier: ISC

import Mail

/// Appends to a mailbox under both of Debian's locks: fcntl(2) first, then `FILE.lock`.
struct MailboxWriter {
  /// What bounds its waiting.
  enum Limits {
    /// How long another program may hold a lock, in seconds.
    static let patience = 120
    /// A file that vanishes between its opening and its lock is opened anew so often.
    static let reopenings = 10
  }

  let path: String
  var patience = Limits.patience

  init(path: String) { self.path = path }

  /// On return the message is on the disk. On a failure the file is as it was.
  ///
  /// - Parameter begin: called when both locks are held and nothing was written yet; it may refuse.
  func append(
    _ message: borrowing StagedMessage,
    sender: String,
    begin: () throws(AgentFailure) -> Void = {}
  ) throws(AgentFailure) {
    let (file, kind) = try MailboxFile.open(path)
    if kind == .sink { return MaildirFile.close(file.descriptor) }
    let locked = try waitForLock(file)
    defer { MaildirFile.close(locked.descriptor) }
    let lock = try MailboxLock.take(for: path, patience: patience)
    defer { lock.release() }
    try begin()
    try write(
      MailboxText.firstLine(sender: sender, date: MailboxFile.date()),
      message,
      to: locked
    )
  }

  /// Waits for the lock of the file that has the name when the lock is there: another program may have
  /// put a new one in its place meanwhile.
  private func waitForLock(_ first: MailboxFile.Opened) throws(AgentFailure) -> MailboxFile.Opened {
    var file = first
    for _ in 0..<Limits.reopenings {
      do throws(AgentFailure) {
        try MailboxFile.lock(file.descriptor, patience: patience)
      } catch {
        MaildirFile.close(file.descriptor)
        throw error
      }
      if MailboxFile.isStill(file.descriptor, at: path) { return file }
      MaildirFile.close(file.descriptor)
      file = try MailboxFile.open(path).file
    }
    MaildirFile.close(file.descriptor)
    throw AgentFailure(code: AgentFailure.Code.temporary, text: "\(path) is replaced all the time")
  }

  private func write(
    _ firstLine: [UInt8],
    _ message: borrowing StagedMessage,
    to file: MailboxFile.Opened
  ) throws(AgentFailure) {
    let size = try MailboxFile.size(file.descriptor)
    // What another program left without a line end would swallow our first line.
    let last = size > 0 ? try MaildirFile.read(file.descriptor, at: size - 1, room: 1) : []
    let needsLineEnd = !last.isEmpty && last != [0x0a]
    do throws(AgentFailure) {
      var text = MailboxText()
      try MaildirFile.writeAll(file.descriptor, (needsLineEnd ? [0x0a] : []) + firstLine)
      try message.forEachPiece { piece throws(AgentFailure) in
        try MaildirFile.writeAll(file.descriptor, text.quote(piece))
      }
      try MaildirFile.writeAll(file.descriptor, text.end())
      try MaildirFile.synchronize(file.descriptor)
    } catch {
      MailboxFile.truncate(file.descriptor, to: size)
      throw error
    }
    guard file.isNew else { return }
    try MaildirFile.synchronize(directory: MailboxFile.directory(of: path))
  }
}
