// SPDX-License-Identifier: ISC

internal import Disk
internal import Glibc
internal import Interprocess
internal import StoreFactory
internal import Supervisor

/// Makes the spool, and checks that what is there belongs to the queue's user.
struct SpoolPreparation {
  let path: String
  let users: ServiceUsers

  /// - Throws: when the spool belongs to somebody else, with the command that mends it.
  func prepare() throws(StartupFailure) {
    try FileSystem.makeDirectory(path, mode: users.queue == nil ? 0o700 : 0o711)
    guard let facts = FileSystem.facts(path), facts.isDirectory else {
      throw StartupFailure("\(path): not a directory")
    }
    if let queue = users.queue {
      try adopt(facts, queue)
    } else {
      guard facts.uid == geteuid() else {
        throw StartupFailure("\(path): belongs to another user; start smtpd as that one, or use -S")
      }
    }
    // A path is read during the call only.
    guard unsafe access(path, W_OK) == 0 else {
      throw StartupFailure("\(path): \(systemError()); the queue must be able to write there")
    }
    try prepareOffline()
  }

  /// Any user may add to it, and nobody but root may read it; the set-gid bit of a directory gives files
  /// that are made there its group, which nobody else is in. Without root it is the user's own. It may be a
  /// file system of its own, but no link.
  private func prepareOffline() throws(StartupFailure) {
    let offline = path + "/offline"
    let mode: UInt32 = users.queue == nil ? 0o700 : 0o3733
    // A path is read during the call only.
    guard unsafe mkdir(offline, 0o700) == 0 || errno == EEXIST else {
      throw StartupFailure("\(offline): \(systemError())")
    }
    // The queue's user owns the spool, and could put anything there: it is opened before it is changed.
    let number = unsafe open(offline, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { throw StartupFailure("\(offline): \(systemError())") }
    defer { close(number) }
    var facts = stat()
    // The structure is written during the call only. One that was another's, or had another group, is
    // closed before it is ours; and the mode comes last, for a change of the group may take bits away.
    guard unsafe fstat(number, &facts) == 0 else {
      throw StartupFailure("\(offline): \(systemError())")
    }
    let group = users.queue?.gid ?? facts.st_gid
    let isOurs = facts.st_uid == geteuid() && facts.st_gid == group
    guard isOurs || (fchmod(number, 0) == 0 && fchown(number, geteuid(), group) == 0),
      fchmod(number, mode) == 0
    else { throw StartupFailure("\(offline): \(systemError())") }
  }

  /// The queue's user owns the spool; OpenSMTPD's root-owned one is taken over with what is in it as
  /// long as that is the queue's user's already.
  private func adopt(_ facts: FileSystem.Facts, _ queue: Account) throws(StartupFailure) {
    var foreign: [(path: String, uid: UInt32)] = []
    for name in StoreFactory.ownedDirectories {
      let below = path + "/" + name
      guard let found = FileSystem.facts(below), found.uid != queue.uid else { continue }
      foreign.append((below, found.uid))
    }
    if !foreign.isEmpty {
      let paths = foreign.map(\.path).joined(separator: " ")
      throw StartupFailure(
        lines: foreign.map {
          "smtpd: \($0.path): belongs to uid \($0.uid) and not to \(queue.name)"
        }
          + ["smtpd: run `chown -R \(queue.name):\(queue.name) \(paths)` to hand the spool over"]
      )
    }
    guard facts.uid != queue.uid || facts.mode & 0o077 != 0o011 else { return }
    try FileSystem.own(path, uid: queue.uid, gid: queue.gid, mode: 0o711)
  }
}
