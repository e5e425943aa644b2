// SPDX-License-Identifier: ISC

internal import Disk
internal import Mail
package import Queue
internal import StoreJournal

/// Changing: into the journal, then into memory.
extension FilesystemStore {
  package func apply(_ changes: [Change]) throws(StoreError) {
    guard state == .open else { throw .sealed(path: disk.root) }
    guard !changes.isEmpty else { return }
    var plan = ChangePlan(needsCurrent: changes.contains { $0.isUpdate })
    for change in changes { try add(change, to: &plan) }
    let groups = plan.groups.filter { !$0.writer.isEmpty }
    guard !groups.isEmpty else { return }
    try makeRoom(for: groups.map(\.writer.extent), isMail: plan.hasMail)
    var written: [(changes: [JournalChange], slot: Int, base: Int, stamp: JournalStamp)] = []
    for group in groups {
      let place = try append(group.writer)
      let epoch = journal.current?.epoch ?? 0
      let stamp = JournalStamp(epoch: epoch, sequence: journal.acknowledged)
      written.append((group.changes, place.slot, place.base, stamp))
      checkpointDebt += 2 * group.writer.extent
    }
    for group in written {
      for change in group.changes {
        let placed = change.moved(to: group.slot, by: group.base)
        countLive(placed)
        carryOut(placed, group.stamp, slot: group.slot)
      }
    }
    keepUp()
  }

  private func append(_ group: GroupWriter) throws(StoreError) -> (slot: Int, base: Int) {
    do throws(DiskError) {
      return try timed { () throws(DiskError) in try journal.append(group) }
    } catch {
      guard journal.isSealed else { throw error.storeError(in: disk.root) }
      state = .sealed
      // Whether the group is on the disk nobody knows, also when there was no space.
      if error.code == .full { throw .sealed(path: disk.root) }
      throw error.storeError(in: disk.root)
    }
  }

  // MARK: Planning

  private func add(_ change: Change, to plan: inout ChangePlan) throws(StoreError) {
    switch change {
    case .insert(let new): try insert(new, &plan)
    case .add(let envelope):
      let id = envelope.id.message
      guard !plan.removedMessages.contains(id), let message = try message(id, plan) else {
        throw .absent
      }
      let stored = StoredEnvelope(message: message, envelope: envelope)
      plan.put(stored, limits)
    case .update(let id, let update):
      guard var stored = try current(id, plan) else { return }
      stored.envelope.apply(update)
      plan.put(stored, limits)
    case .removeEnvelope(let id):
      guard try isThere(id, plan) else { return }
      plan.removedEnvelopes.insert(id)
      plan.fresh[id] = nil
      plan.append(id.message, limits) { JournalChange.remove(id, to: &$0) }
    case .removeMessage(let id):
      guard try isThere(id, plan) else { return }
      guard !quarantine.awaited.contains(id) else {
        let stored = try onDisk { () throws(DiskError) in try identifiers(of: id) }
        let fresh = plan.fresh.keys.filter { $0.message == id }
        for envelope in Set(stored + fresh) where !quarantine.isLeft(SpoolTree.path(of: envelope)) {
          try add(.removeEnvelope(envelope), to: &plan)
        }
        return
      }
      plan.removedMessages.insert(id)
      plan.inserted[id] = nil
      plan.append(id, limits) { JournalChange.remove(id, to: &$0) }
    case .set(let name, let value):
      precondition(name.utf8.count <= SpoolSettings.nameMax)
      precondition(value?.count ?? 0 <= SpoolSettings.valueMax)
      let isNew = value != nil && settings.values[name] == nil
      guard !isNew || settings.values.count < limits.settingsMax else {
        throw .full(path: "\(disk.root)/settings")
      }
      plan.append(nil, limits) { JournalChange.set(name, value, to: &$0) }
    }
  }

  private func insert(_ new: NewMessage, _ plan: inout ChangePlan) throws(StoreError) {
    let id = new.message.id
    if plan.inserted[id] != nil { throw .exists(id) }
    if !plan.removedMessages.contains(id), try isThere(id, plan) {
      // Perhaps put there by hand, as others may have been.
      tree.forgetListing()
      throw .exists(id)
    }
    var new = new
    if case .bytes(let bytes) = new.body, bytes.count > limits.journalBodyMax {
      let body = try stage.begin(id)
      try body.append(bytes)
      let content = try body.finish()
      new.body = .staged(size: content.size, checksum: content.checksum)
    }
    plan.hasMail = true
    plan.inserted[id] = new.message
    plan.removedMessages.remove(id)
    for envelope in new.envelopes {
      plan.removedEnvelopes.remove(envelope.id)
      if plan.needsCurrent {
        plan.fresh[envelope.id] = StoredEnvelope(message: new.message, envelope: envelope)
      }
    }
    plan.append(id, limits) { [new] in JournalChange.insert(new, to: &$0) }
  }

  private func current(
    _ id: EnvelopeID,
    _ plan: ChangePlan
  ) throws(StoreError) -> StoredEnvelope? {
    if let fresh = plan.fresh[id] { return fresh }
    guard !plan.removedEnvelopes.contains(id), !plan.removedMessages.contains(id.message),
      plan.inserted[id.message] == nil
    else { return nil }
    return try envelope(id)
  }

  private func message(_ id: MessageID, _ plan: ChangePlan) throws(StoreError) -> Message? {
    if let inserted = plan.inserted[id] { return inserted }
    return try anyMessage(id)
  }

  private func isThere(_ id: EnvelopeID, _ plan: ChangePlan) throws(StoreError) -> Bool {
    if plan.fresh[id] != nil || plan.inserted[id.message] != nil { return true }
    guard !plan.removedEnvelopes.contains(id), !plan.removedMessages.contains(id.message) else {
      return false
    }
    return try exists(id)
  }

  private func isThere(_ id: MessageID, _ plan: ChangePlan) throws(StoreError) -> Bool {
    if plan.inserted[id] != nil { return true }
    guard !plan.removedMessages.contains(id) else { return false }
    switch overlay[id]?.base {
    case .gone?: return false
    case .journal?, .tree?: return true
    case nil: return try onDisk { () throws(DiskError) in try tree.contains(id) }
    }
  }

  private func exists(_ id: EnvelopeID) throws(StoreError) -> Bool {
    if let entry = overlay[id.message] {
      switch entry.base {
      case .gone: return false
      case .journal: return entry.index(of: id.low) != nil
      case .tree:
        if let index = entry.index(of: id.low) { return entry.envelopes[index].record != nil }
      }
    }
    return try onDisk { () throws(DiskError) in try disk.facts(SpoolTree.path(of: id)) != nil }
  }

  // MARK: Memory

  /// Takes a change that is durable. Bodies that were staged for a message go with it.
  func carryOut(_ change: JournalChange, _ stamp: JournalStamp, slot: Int) {
    var staged: MessageID?
    if case .removeMessage(let id) = change, overlay[id]?.hasStagedBody == true {
      staged = id
    }
    if case .set(let name, let value) = change {
      settings.values[name] = value
      progress[slot, default: CheckpointProgress()].hasSettings = true
    }
    overlay.carryOut(change, stamp) { id in
      // During the replay only: a live insertion has looked before.
      state != .open && ((try? tree.contains(id)) ?? true)
    }
    switch change {
    case .insert(let insert): bodySums.forget(insert.id)
    case .removeMessage(let id):
      bodySums.forget(id)
      forgetWithheld(id)
      if condemned?.id == id { condemned = nil }
    case .put, .removeEnvelope, .set: break
    }
    if let id = change.message {
      var files = 1
      if case .insert(let insert) = change { files += insert.envelopes.count }
      progress[slot, default: CheckpointProgress()].touched.append(id)
      progress[slot, default: CheckpointProgress()].files += files
    }
    if let staged, state == .open {
      // One that stays is swept away at the next start.
      try? stage.remove(staged)
    }
  }

  /// Keeps the counts, before the change is carried out.
  private func countLive(_ change: JournalChange) {
    if let id = change.message, isWithheld(id) { return }
    switch change {
    case .insert(let insert):
      statisticsNow.messages += 1
      statisticsNow.envelopes += insert.envelopes.count
      statisticsNow.bodyBytes += insert.body.size
    case .put(let put):
      if (try? exists(put.id)) == false { statisticsNow.envelopes += 1 }
    case .removeEnvelope(let id):
      if (try? exists(id)) == true { statisticsNow.envelopes -= 1 }
    case .removeMessage(let id):
      let entry = overlay[id] ?? Overlay.Entry(base: .tree, epoch: 0, mayBeInTree: true)
      guard let (envelopes, size) = try? contents(of: id, entry) else { return }
      statisticsNow.messages -= 1
      statisticsNow.envelopes -= envelopes
      statisticsNow.bodyBytes -= size ?? 0
    case .set: break
    }
  }
}

/// What one `apply` is going to write, and what its later changes must know of its earlier ones.
struct ChangePlan {
  struct Group {
    var writer = GroupWriter()
    var changes: [JournalChange] = []
  }

  /// Whether there are updates, which need to see what the same call inserted.
  let needsCurrent: Bool
  private(set) var groups = [Group()]
  var hasMail = false
  var inserted: [MessageID: Message] = [:]
  var fresh: [EnvelopeID: StoredEnvelope] = [:]
  var removedEnvelopes: Set<EnvelopeID> = []
  var removedMessages: Set<MessageID> = []

  init(needsCurrent: Bool) { self.needsCurrent = needsCurrent }

  /// - Parameter message: what the change is about. The changes of one message that follow each other
  ///   share a group, which is there as a whole or not at all, as long as one can hold them.
  mutating func append(
    _ message: MessageID?,
    _ limits: FilesystemStore.Limits,
    _ encode: (inout GroupWriter) -> JournalChange
  ) {
    let last = groups[groups.count - 1]
    let goesOn = message != nil && last.changes.last?.message == message
    if last.writer.extent > (goesOn ? limits.messageGroupBytes : limits.groupBytes) {
      groups.append(Group())
    }
    let change = encode(&groups[groups.count - 1].writer)
    groups[groups.count - 1].changes.append(change)
  }

  mutating func put(_ stored: StoredEnvelope, _ limits: FilesystemStore.Limits) {
    fresh[stored.envelope.id] = stored
    removedEnvelopes.remove(stored.envelope.id)
    append(stored.envelope.id.message, limits) { JournalChange.put(stored, to: &$0) }
  }
}

extension JournalChange {
  /// The message that it is about.
  var message: MessageID? {
    switch self {
    case .insert(let insert): insert.id
    case .put(let put): put.id.message
    case .removeEnvelope(let id): id.message
    case .removeMessage(let id): id
    case .set: nil
    }
  }
}

extension Change {
  fileprivate var isUpdate: Bool {
    if case .update = self { return true }
    return false
  }
}
