// SPDX-License-Identifier: ISC

internal import Disk
package import Mail
package import Queue
internal import StoreJournal

/// Reading: the journal first, then the tree.
extension FilesystemStore {
  package func envelope(_ id: EnvelopeID) throws(StoreError) -> StoredEnvelope? {
    guard !isWithheld(id.message) else { return nil }
    if let entry = overlay[id.message] {
      if case .gone = entry.base { return nil }
      if let index = entry.index(of: id.low) {
        return try onDisk { () throws(DiskError) in
          try readRecordOrReport(id, entry.envelopes[index])
        }
      }
      if case .journal = entry.base { return nil }
    }
    return try onDisk { () throws(DiskError) in
      guard let size = try filedBodySize(of: id.message) else { return nil }
      return try loadOrSetAside(id, bodySize: size)
    }
  }

  /// What the envelopes of a message share, from any of them.
  func anyMessage(_ id: MessageID) throws(StoreError) -> Message? {
    if let entry = overlay[id] {
      if case .gone = entry.base { return nil }
      if case .journal(let origin) = entry.base {
        let record = try onDisk { () throws(DiskError) in try journal.read(origin.message) }
        do throws(DecodingError) {
          return try Message(id: id, record: record)
        } catch {
          throw .damaged(
            path: "\(disk.root)/\(FilesystemStore.journalDirectory)",
            problem: error.description
          )
        }
      }
    }
    return try onDisk { () throws(DiskError) in
      for envelope in try envelopes(of: id, after: nil, limit: 1) {
        return envelope.message
      }
      return nil
    }
  }

  package func page(after: EnvelopeID?, limit: Int) throws(StoreError) -> EnvelopePage {
    precondition(limit >= 1)
    return try onDisk { () throws(DiskError) in
      var page = EnvelopePage(envelopes: [], next: nil)
      // The first message may have more envelopes behind the one that the last page ended with.
      var message = after?.message
      if message == nil { message = try nextMessage(after: nil) }
      while let id = message {
        let room = limit - page.envelopes.count
        let found = try envelopes(of: id, after: after, limit: room)
        page.envelopes += found
        message = try nextMessage(after: id)
        if page.envelopes.count >= limit {
          let last = page.envelopes[page.envelopes.count - 1].envelope.id
          let isMore = try hasEnvelopes(id, after: last)
          page.next = isMore || message != nil ? last : nil
          break
        }
      }
      reportUnreadableBuckets()
      return page
    }
  }

  /// The least message behind `id`, in the journal or in the tree.
  func nextMessage(after id: MessageID?) throws(DiskError) -> MessageID? {
    let inTree = try tree.next(after: id)
    guard let inJournal = overlay.next(after: id) else { return inTree }
    guard let inTree else { return inJournal }
    return min(inTree, inJournal)
  }

  /// The identifiers of a message's envelopes in rising order, those of unreadable ones among them.
  func identifiers(of id: MessageID) throws(DiskError) -> [EnvelopeID] {
    guard !isWithheld(id) else { return [] }
    guard let entry = overlay[id] else { return try filedEnvelopes(of: id) ?? [] }
    func own() -> [EnvelopeID] {
      entry.envelopes.filter { $0.record != nil }
        .compactMap { EnvelopeID(message: id, low: $0.low) }
    }
    switch entry.base {
    case .gone: return []
    case .journal: return own()
    case .tree:
      let kept = try (filedEnvelopes(of: id) ?? []).filter { entry.index(of: $0.low) == nil }
      return (kept + own()).sorted()
    }
  }

  private func hasEnvelopes(_ id: MessageID, after: EnvelopeID) throws(DiskError) -> Bool {
    try identifiers(of: id).contains { $0 > after }
  }

  /// Up to `limit` envelopes of one message; unreadable ones are moved aside.
  func envelopes(
    of id: MessageID,
    after: EnvelopeID?,
    limit: Int
  ) throws(DiskError) -> [StoredEnvelope] {
    let entry = overlay[id]
    var found: [StoredEnvelope] = []
    var size: Int?
    for envelope in try identifiers(of: id) {
      if let after, envelope <= after { continue }
      guard found.count < limit else { break }
      if let entry, let index = entry.index(of: envelope.low) {
        if let stored = try readRecordOrReport(envelope, entry.envelopes[index]) {
          found.append(stored)
        }
        continue
      }
      if size == nil { size = try filedBodySize(of: id) }
      guard let size else {
        try setAside(id, because: "it has no body")
        return found
      }
      if let stored = try loadOrSetAside(envelope, bodySize: size) { found.append(stored) }
    }
    return found
  }

  /// How many envelopes a message has, and its body's size.
  func contents(
    of id: MessageID,
    _ entry: Overlay.Entry
  ) throws(StoreError) -> (envelopes: Int, size: Int?) {
    switch entry.base {
    case .gone: return (0, nil)
    case .journal(let origin):
      return (entry.envelopes.filter { $0.record != nil }.count, origin.body.size)
    case .tree:
      return try onDisk { () throws(DiskError) in
        var count = try (filedEnvelopes(of: id) ?? [])
          .filter { entry.index(of: $0.low) == nil }.count
        count += entry.envelopes.filter { $0.record != nil }.count
        return (count, try filedBodySize(of: id))
      }
    }
  }
}
