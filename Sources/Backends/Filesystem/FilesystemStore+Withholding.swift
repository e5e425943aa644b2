// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
internal import Queue

/// A message of the journal whose body an earlier checkpoint has moved to a directory that cannot be
/// used now: the journal keeps it, it is listed as what was left in its place is, and nobody is told of
/// its envelopes until its body can be looked at again.
///
/// The checkpoint of such a message waits for its directory, too, and those behind it with it.
extension FilesystemStore {
  func isWithheld(_ id: MessageID) -> Bool { !withheld.isEmpty && withheld.contains(id) }

  /// Returns what the operator is told.
  func withhold(_ id: MessageID, because reason: String) -> String {
    let path = SpoolTree.path(of: id)
    let record = FilesystemStore.withheldRecord(id)
    withheld.insert(id)
    quarantine.leave(path, as: record, because: "left in \(path): \(reason)", at: clock())
    report("message \(id)", "its directory: \(reason)")
    return "message \(id) is kept and not delivered: its body is in \(disk.root)/\(path), "
      + "which cannot be used: \(reason). Let user \(disk.user) read, write and search that "
      + "directory, soon, since the journal cannot be emptied before; then restart, or: "
      + "smtpctl queue quarantine restore \(record)"
  }

  private static func withheldRecord(_ id: MessageID) -> String { "message-\(id)" }

  /// It was removed.
  func forgetWithheld(_ id: MessageID) {
    guard withheld.remove(id) != nil else { return }
    quarantine.forgetLeft(FilesystemStore.withheldRecord(id))
  }

  /// Looks again at a body. Returns the message's envelopes once it can be seen.
  func restoreWithheld(_ id: MessageID) throws(StoreError) -> [EnvelopeID] {
    var problem: String?
    do throws(DiskError) {
      if try tree.bodySize(of: id) == nil { problem = "there is no body" }
    } catch {
      problem = error.explanation
    }
    if let problem {
      _ = withhold(id, because: problem)
      return []
    }
    withheld.remove(id)
    guard let entry = overlay[id] else {
      return try onDisk { () throws(DiskError) in try adopt(id).map(\.envelope.id) }
    }
    let (envelopes, size) = try contents(of: id, entry)
    statisticsNow.messages += 1
    statisticsNow.envelopes += envelopes
    statisticsNow.bodyBytes += size ?? 0
    return try onDisk { () throws(DiskError) in try identifiers(of: id) }
  }
}
