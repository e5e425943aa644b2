// SPDX-License-Identifier: ISC

/// The lock of a mailbox that is a file beside it, `FILE.lock`, made so that it holds over NFS too: a file
/// of a name of our own, linked to that name.
struct MailboxLock {
  /// What bounds it.
  enum Limits {
    /// A lock that was not touched for so long is a dead program's, in seconds.
    static let age = 300
  }

  private let path: String?

  /// Waits until the lock is ours. In a directory that the user may not write into there is none, and
  /// the lock on the file itself has to do.
  static func take(for mailbox: String, patience: Int) throws(AgentFailure) -> MailboxLock {
    let path = mailbox + ".lock"
    for second in 0...patience {
      switch try MailboxFile.makeLock(path, in: MailboxFile.directory(of: mailbox)) {
      case .made: return MailboxLock(path: path)
      case .impossible: return MailboxLock(path: nil)
      case .taken: break
      }
      if MailboxFile.age(of: path).map({ $0 > Limits.age }) ?? false {
        MaildirFile.remove(path)
      } else if second < patience {
        MailboxFile.pause(seconds: 1)
      }
    }
    throw AgentFailure(code: AgentFailure.Code.temporary, text: "\(mailbox) is locked")
  }

  func release() {
    if let path { MaildirFile.remove(path) }
  }
}
