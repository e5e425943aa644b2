// SPDX-License-Identifier: ISC

internal import Disk
package import Mail
package import Queue
internal import StoreJournal

/// What the operator asks for: checks, quarantine, messages put there by hand.
extension FilesystemStore {
  /// Bodies are read once so many bytes of them were: one more at most.
  private static let verifiedBytesAtOnce = 4 << 20

  package func verify(after: MessageID?, limit: Int) throws(StoreError) -> VerifyPage {
    precondition(limit >= 1)
    defer { findings = [] }
    var check = Check()
    try onDisk { () throws(DiskError) in
      check.page.findings = findings
      findings = []
      var message = try nextMessage(after: after)
      while let id = message {
        guard check.page.messagesChecked < limit,
          check.bytes < FilesystemStore.verifiedBytesAtOnce
        else { return }
        let before = check.page.next ?? after
        try self.check(id, &check)
        check.page.next = id
        guard check.changed == nil else {
          check.before = before
          return
        }
        message = try nextMessage(after: id)
      }
      reportUnreadableBuckets()
      check.page.findings += findings
      check.page.next = nil
    }
    guard state == .open else { return check.page }
    // Out of the journal only once what is left of them is kept aside.
    if !check.broken.isEmpty { try apply(check.broken.map { .removeMessage($0) }) }
    if let changed = check.changed { try setAside(changed, &check) }
    return check.page
  }

  /// The journal has newer envelopes of such a message, which go with it; the next start leaves those out.
  private func setAside(_ changed: Condemned, _ check: inout Check) throws(StoreError) {
    condemned = changed
    guard try makeFiles(of: changed.id) else {
      check.page.next = check.before
      check.page.isUnfinished = true
      return
    }
    condemned = nil
    try onDisk { () throws(DiskError) in try setAside(changed.id, because: changed.problem) }
    check.page.messagesChecked += 1
    check.page.envelopesChecked += changed.envelopes
    check.page.findings.append(
      VerifyFinding(record: "message \(changed.id)", problem: changed.problem)
    )
    findings = []
  }

  /// What a call of `verify` has seen.
  private struct Check {
    var page = VerifyPage()
    /// Of bodies.
    var bytes = 0
    /// In the journal, and not to be delivered. A copy is in quarantine.
    var broken: [MessageID] = []
    /// In the tree and not to be delivered, with changes in the journal. The last one of the page.
    var changed: Condemned?
    /// Where a page begins that has that one again.
    var before: MessageID?
  }

  /// A damaged message with changes in the journal.
  struct Condemned {
    var id: MessageID
    var problem: String
    var envelopes: Int
  }

  private func check(_ id: MessageID, _ check: inout Check) throws(DiskError) {
    if case .gone? = overlay[id]?.base { return }
    // What cannot be looked at is not known to be damaged.
    if isWithheld(id) { return }
    if let condemned, condemned.id == id {
      check.changed = condemned
      return
    }
    check.page.messagesChecked += 1
    if let problem = try bodyProblem(of: id, &check) {
      check.page.findings.append(VerifyFinding(record: "body \(id)", problem: problem))
      try keepAside(id, problem)
      check.broken.append(id)
      return
    }
    let identifiers = try identifiers(of: id)
    check.page.envelopesChecked += identifiers.count
    if identifiers.isEmpty, overlay[id] == nil, try tree.contains(id),
      !quarantine.isLeft(SpoolTree.path(of: id))
    {
      // Its envelopes may be in quarantine, and need the body when they are put back.
      guard try !quarantine.has(id) else { return }
      try setAside(id, because: "it has no envelope")
    } else {
      let stored = try envelopes(of: id, after: nil, limit: .max)
      try checkFiledBody(id, stored.first?.message, &check)
      if var changed = check.changed {
        changed.envelopes = identifiers.count
        check.changed = changed
        check.page.messagesChecked -= 1
        check.page.envelopesChecked -= identifiers.count
      }
    }
    check.page.findings += findings
    findings = []
  }

  /// Keeps what the journal and the stage have of a message that is not whole.
  private func keepAside(_ id: MessageID, _ problem: String) throws(DiskError) {
    guard case .journal(let origin)? = overlay[id]?.base else { return }
    try keepJournalRecord(try journal.read(origin.whole), of: id, problem: problem)
    if case .staged = origin.body, try disk.facts(stage.path(of: id)) != nil {
      try quarantine.take(stage.path(of: id), as: "body-\(id)", because: problem, at: clock())
    }
  }

  /// What is wrong with a message that came by the journal.
  private func bodyProblem(
    of id: MessageID,
    _ check: inout Check
  ) throws(DiskError) -> String? {
    guard case .journal(let origin)? = overlay[id]?.base else { return nil }
    check.bytes += origin.body.size
    guard try isWhole(try journal.read(origin.whole), origin) else {
      return FilesystemStore.wrongChecksum
    }
    guard case .staged(let size, let checksum) = origin.body else { return nil }
    let isStaged = try disk.facts(stage.path(of: id)) != nil
    let path = isStaged ? stage.path(of: id) : SpoolTree.bodyPath(of: id)
    return try problem(ofBody: path, BodyFacts(size: size, checksum: checksum))
  }

  /// A body in the tree that cannot be read, or is not what it was, takes its message along.
  private func checkFiledBody(
    _ id: MessageID,
    _ message: Message?,
    _ check: inout Check
  ) throws(DiskError) {
    if case .journal? = overlay[id]?.base { return }
    guard let message, let size = try filedBodySize(of: id) else { return }
    check.bytes += size
    var wanted = try tree.bodyFacts(of: id)
    wanted.size = message.size
    guard let found = try problem(ofBody: SpoolTree.bodyPath(of: id), wanted) else { return }
    let problem = "its body: \(found)"
    guard overlay[id] != nil else { return try setAside(id, because: problem) }
    check.changed = Condemned(id: id, problem: problem, envelopes: 0)
  }

  package func quarantined() throws(StoreError) -> [QuarantinedRecord] {
    try onDisk { () throws(DiskError) in try quarantine.records() }
  }

  package func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8] {
    let content = try onDisk { () throws(DiskError) in try quarantine.content(of: name) }
    guard let content else { throw .absent }
    return content
  }

  package func restore(quarantined name: String) throws(StoreError) -> Restoration {
    guard state == .open else { throw .sealed(path: disk.root) }
    if let path = quarantine.left(name) { return Restoration(try restoreLeft(name, at: path)) }
    let isDirectory = try onDisk { () throws(DiskError) in try quarantine.isDirectory(name) }
    guard let isDirectory else { throw .absent }
    let parts = name.split(separator: "-")
    if parts.count >= 2, parts[0] == "message", isDirectory,
      let id = MessageID(hexadecimal: parts[1])
    {
      return try restore(id, name)
    }
    if parts.count >= 2, parts[0] == "envelope", !isDirectory,
      let id = EnvelopeID(hexadecimal: parts[1])
    {
      return Restoration(try restore(id, name))
    }
    throw .damaged(path: "\(disk.root)/\(Quarantine.directory)/\(name)", problem: "no mail")
  }

  private func restore(_ id: EnvelopeID, _ name: String) throws(StoreError) -> [EnvelopeID] {
    let path = "\(disk.root)/\(Quarantine.directory)/\(name)"
    let content = try onDisk { () throws(DiskError) in
      try disk.content(
        of: "\(Quarantine.directory)/\(name)",
        atMost: EnvelopeText.fileMax + 1
      )
    }
    do throws(EnvelopeTextError) {
      _ = try EnvelopeText.decode(content ?? [], id: id)
    } catch {
      throw .damaged(path: path, problem: error.description)
    }
    try onDisk { () throws(DiskError) in
      guard try tree.bodySize(of: id.message) != nil, isFree(id),
        try disk.facts(SpoolTree.path(of: id)) == nil
      else {
        throw DiskError(
          operation: "restore",
          path: "\(Quarantine.directory)/\(name)",
          errno: 2,
          explanation: "its message is gone, or there is such an envelope"
        )
      }
      try tellChecksum(of: id, in: "\(Quarantine.directory)/\(name)")
      try quarantine.giveBack(name, to: SpoolTree.path(of: id))
    }
    statisticsNow.envelopes += 1
    return [id]
  }

  /// Gives an envelope that joins its message again the checksum that the others have: the body may have
  /// been accepted as another while the envelope was away, and would be taken for damaged by what it
  /// says. Where no other is left that knows one, its own word counts.
  func tellChecksum(of id: EnvelopeID, in path: String) throws(DiskError) {
    let directory = SpoolTree.path(of: id.message)
    for other in try tree.envelopes(of: id.message) ?? [] where other != id {
      guard let text = try tree.text(of: other, in: directory) else { continue }
      // All of them know it, or none.
      guard let checksum = text.bodyChecksum else { return }
      guard let own = try tree.text(of: id, at: path), own.bodyChecksum != checksum else { return }
      let stored = own.stored
      return try disk.replace(
        path,
        with: EnvelopeText.encode(stored.message, stored.envelope, bodyChecksum: checksum),
        through: "\(SpoolTree.incoming)/quarantine.tmp"
      )
    }
  }

  /// Whether the journal has nothing of an envelope, and has not removed its message.
  func isFree(_ id: EnvelopeID) -> Bool {
    guard let entry = overlay[id.message] else { return true }
    guard case .tree = entry.base else { return false }
    return entry.index(of: id.low) == nil
  }

  private func restore(_ id: MessageID, _ name: String) throws(StoreError) -> Restoration {
    let from = "\(Quarantine.directory)/\(name)"
    return try onDisk { () throws(DiskError) in
      let isInTree = try tree.contains(id)
      let isFree = overlay[id] == nil && !isInTree
      let names = try disk.list(from).map(\.name)
      guard isFree, names.contains(SpoolTree.body), names.count > 1 else {
        throw DiskError(
          operation: "restore",
          path: from,
          errno: 2,
          explanation: isFree
            ? "it still has no body, or no envelope" : "there is a message of its number"
        )
      }
      let isDoubtful = try acceptBody(of: id, in: from)
      try disk.ensureDirectory(SpoolTree.bucket(of: id))
      try disk.synchronizeDirectory(SpoolTree.queue)
      try quarantine.giveBack(name, to: SpoolTree.path(of: id))
      tree.appeared(id)
      var restoration = Restoration(try adopt(id).map(\.envelope.id))
      if isDoubtful { restoration.doubtful = ["body \(id)"] }
      return restoration
    }
  }

  /// A body that is put back counts as whole: whether it is was for the operator to judge. Returns
  /// whether its checksum did not hold.
  private func acceptBody(of id: MessageID, in directory: String) throws(DiskError) -> Bool {
    let path = "\(directory)/\(SpoolTree.body)"
    let known = try tree.bodyFacts(of: id, in: directory)
    guard let checksum = known.checksum,
      let found = try disk.checksum(of: path), found != checksum
    else { return false }
    for envelope in try tree.envelopes(of: id, in: directory) ?? [] {
      guard let text = try tree.text(of: envelope, in: directory) else { continue }
      let stored = text.stored
      try disk.replace(
        "\(directory)/\(envelope)",
        with: EnvelopeText.encode(stored.message, stored.envelope, bodyChecksum: found),
        through: "\(SpoolTree.incoming)/quarantine.tmp"
      )
    }
    return true
  }

  package func discover(_ message: MessageID) throws(StoreError) -> [StoredEnvelope] {
    guard overlay[message] == nil else { return [] }
    return try onDisk { () throws(DiskError) in
      let wasListed = try nextMessage(after: MessageID(message.rawValue - 1)) == message
      tree.forgetListing()
      guard try tree.contains(message) else { return [] }
      if wasListed { return try envelopes(of: message, after: nil, limit: .max) }
      return try adopt(message)
    }
  }
}
