// SPDX-License-Identifier: ISC

internal import Disk
package import Mail
package import Queue
internal import StoreJournal

/// What the operator asks for: checks, quarantine, messages put there by hand.
extension FilesystemStore {
  package func verify(after: MessageID?, limit: Int) throws(StoreError) -> VerifyPage {
    precondition(limit >= 1)
    var broken: [MessageID] = []
    defer { findings = [] }
    let page = try onDisk { () throws(DiskError) in
      var page = VerifyPage()
      page.findings = findings
      findings = []
      var message = try nextMessage(after: after)
      while let id = message {
        guard page.messagesChecked < limit else { return page }
        if try check(id, &page) == .broken { broken.append(id) }
        page.next = id
        message = try nextMessage(after: id)
      }
      reportUnreadableBuckets()
      page.findings += findings
      page.next = nil
      return page
    }
    // Out of the journal only once what is left of them is kept aside.
    if !broken.isEmpty, state == .open { try apply(broken.map { .removeMessage($0) }) }
    return page
  }

  private enum Soundness {
    case sound
    /// In the journal, and not to be delivered. A copy is in quarantine.
    case broken
  }

  private func check(_ id: MessageID, _ page: inout VerifyPage) throws(DiskError) -> Soundness {
    if case .gone? = overlay[id]?.base { return .sound }
    page.messagesChecked += 1
    if let problem = try bodyProblem(of: id) {
      page.findings.append(VerifyFinding(record: "body \(id)", problem: problem))
      try keepAside(id, problem)
      return .broken
    }
    let identifiers = try identifiers(of: id)
    page.envelopesChecked += identifiers.count
    if identifiers.isEmpty, overlay[id] == nil, try tree.contains(id),
      !quarantine.isLeft(SpoolTree.path(of: id))
    {
      // Its envelopes may be in quarantine, and need the body when they are put back.
      guard try !quarantine.has(id) else { return .sound }
      try setAside(id, because: "it has no envelope")
    } else {
      let stored = try envelopes(of: id, after: nil, limit: .max)
      try checkSize(id, stored.first?.message)
    }
    page.findings += findings
    findings = []
    return .sound
  }

  /// Keeps what the journal and the stage have of a message that is not whole.
  private func keepAside(_ id: MessageID, _ problem: String) throws(DiskError) {
    guard case .journal(let origin)? = overlay[id]?.base else { return }
    try keepJournalRecord(try journal.read(origin.whole), of: id, problem: problem)
    if case .staged = origin.body, try disk.facts(stage.path(of: id)) != nil {
      try quarantine.take(stage.path(of: id), as: "body-\(id)", because: problem, at: clock())
    }
  }

  private func bodyProblem(of id: MessageID) throws(DiskError) -> String? {
    guard case .journal(let origin)? = overlay[id]?.base else { return nil }
    guard try isWhole(try journal.read(origin.whole), origin) else { return "wrong checksum" }
    if case .staged(let size) = origin.body {
      let staged = try disk.facts(stage.path(of: id))?.size
      let moved = try tree.bodySize(of: id)
      let found = staged ?? moved
      if found != size { return "\(found ?? 0) bytes of \(size)" }
    }
    return nil
  }

  /// A body that cannot be opened, or is shorter or longer than it was, takes its message along.
  private func checkSize(_ id: MessageID, _ message: Message?) throws(DiskError) {
    if case .journal? = overlay[id]?.base { return }
    guard let message, let size = try filedBodySize(of: id) else { return }
    guard size == message.size else {
      return try setAside(id, because: "its body: \(size) bytes of \(message.size)")
    }
    do {
      _ = try tree.readBody(of: id, from: 0, count: 1)
    } catch let error where error.isAboutOneFile {
      try setAside(id, because: "its body: \(error.explanation)")
    }
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
    Restoration(try restoreEnvelopes(quarantined: name))
  }

  private func restoreEnvelopes(quarantined name: String) throws(StoreError) -> [EnvelopeID] {
    guard state == .open else { throw .sealed(path: disk.root) }
    if let path = quarantine.left(name) { return try restoreLeft(name, at: path) }
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
      return try restore(id, name)
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
      guard try tree.bodySize(of: id.message) != nil, overlay[id.message] == nil,
        try disk.facts(SpoolTree.path(of: id)) == nil
      else {
        throw DiskError(
          operation: "restore",
          path: "\(Quarantine.directory)/\(name)",
          errno: 2,
          explanation: "its message is gone, or there is such an envelope"
        )
      }
      try quarantine.giveBack(name, to: SpoolTree.path(of: id))
    }
    statisticsNow.envelopes += 1
    return [id]
  }

  private func restore(_ id: MessageID, _ name: String) throws(StoreError) -> [EnvelopeID] {
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
      try disk.ensureDirectory(SpoolTree.bucket(of: id))
      try disk.synchronizeDirectory(SpoolTree.queue)
      try quarantine.giveBack(name, to: SpoolTree.path(of: id))
      tree.appeared(id)
      return try adopt(id).map(\.envelope.id)
    }
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
