// SPDX-License-Identifier: ISC

internal import Disk
package import Mail
package import Queue

/// What the operator asks for: checks, quarantine, messages put there by hand.
extension FilesystemStore {
  private static let findingsMax = 1000

  package func verify(after: MessageID?, limit: Int) throws(StoreError) -> VerifyPage {
    precondition(limit >= 1)
    return try onDisk { () throws(DiskError) in
      var page = VerifyPage()
      page.findings = Array(findings.suffix(FilesystemStore.findingsMax))
      findings = []
      var message = try nextMessage(after: after)
      while let id = message {
        guard page.messagesChecked < limit else { return page }
        try check(id, &page)
        page.next = id
        message = try nextMessage(after: id)
      }
      page.next = nil
      return page
    }
  }

  private func check(_ id: MessageID, _ page: inout VerifyPage) throws(DiskError) {
    if case .gone? = overlay[id]?.base { return }
    page.messagesChecked += 1
    if let problem = try bodyProblem(of: id) {
      page.findings.append(VerifyFinding(record: "body \(id)", problem: problem))
    }
    let identifiers = try identifiers(of: id)
    page.envelopesChecked += identifiers.count
    if identifiers.isEmpty, overlay[id] == nil, try tree.contains(id) {
      // Its envelopes may be in quarantine, and need the body when they are put back.
      guard try !quarantine.has(id) else { return }
      try setAside(id, because: "it has no envelope")
    } else {
      let stored = try envelopes(of: id, after: nil, limit: .max)
      try checkSize(id, stored.first?.message, &page)
    }
    page.findings += findings
    findings = []
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

  private func checkSize(
    _ id: MessageID,
    _ message: Message?,
    _ page: inout VerifyPage
  ) throws(DiskError) {
    guard let message, overlay[id] == nil, let size = try tree.bodySize(of: id) else { return }
    if size != message.size {
      let problem = "\(size) bytes of \(message.size)"
      page.findings.append(VerifyFinding(record: "body \(id)", problem: problem))
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

  package func restore(quarantined name: String) throws(StoreError) -> [EnvelopeID] {
    guard state == .open else { throw .sealed(path: disk.root) }
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

  /// Counts a message that has come into the tree from elsewhere. Returns its envelopes.
  private func adopt(_ id: MessageID) throws(DiskError) -> [StoredEnvelope] {
    let count = try tree.envelopes(of: id)?.count ?? 0
    statisticsNow.messages += 1
    statisticsNow.envelopes += count
    statisticsNow.bodyBytes += try tree.bodySize(of: id) ?? 0
    return try envelopes(of: id, after: nil, limit: .max)
  }
}
