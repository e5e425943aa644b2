// SPDX-License-Identifier: ISC

import Mail
import MemoryStore
import Queue

/// A store with mail in it. When it is stuck, the queue cannot read the pages that fill the schedule: its
/// start goes on until it is let go, and everything else is answered. When it is held, nor can it read an
/// envelope.
final class StuckStore: Store {
  /// How large those pages are.
  private static let loadingPage = 1024

  private let store = MemoryStore()
  private let mail: [NewMessage]

  private let isStuck: @Sendable () -> Bool
  private let isHeld: @Sendable () -> Bool

  init(
    holding mail: [NewMessage],
    isStuck: @escaping @Sendable () -> Bool,
    isHeld: @escaping @Sendable () -> Bool
  ) {
    self.mail = mail
    self.isStuck = isStuck
    self.isHeld = isHeld
  }

  func open() throws(StoreError) -> OpenReport {
    let report = try store.open()
    try store.apply(mail.map { .insert($0) })
    return report
  }

  func page(after: EnvelopeID?, limit: Int) throws(StoreError) -> EnvelopePage {
    guard limit != StuckStore.loadingPage || !isStuck() else { throw QueueRig.broken }
    return try store.page(after: after, limit: limit)
  }

  func apply(_ changes: [Change]) throws(StoreError) { try store.apply(changes) }

  func reopen() throws(StoreError) -> OpenReport { try store.reopen() }

  func body(of message: MessageID, from offset: Int, count: Int) throws(StoreError) -> [UInt8] {
    try store.body(of: message, from: offset, count: count)
  }

  func envelope(_ id: EnvelopeID) throws(StoreError) -> StoredEnvelope? {
    guard !isHeld() else { throw QueueRig.broken }
    return try store.envelope(id)
  }

  func verify(after: MessageID?, limit: Int) throws(StoreError) -> VerifyPage {
    try store.verify(after: after, limit: limit)
  }

  func quarantined() throws(StoreError) -> [QuarantinedRecord] { try store.quarantined() }

  func quarantinedContent(_ name: String) throws(StoreError) -> [UInt8] {
    try store.quarantinedContent(name)
  }

  func restore(quarantined name: String) throws(StoreError) -> Restoration {
    try store.restore(quarantined: name)
  }

  func discover(_ message: MessageID) throws(StoreError) -> [StoredEnvelope] {
    try store.discover(message)
  }

  func setting(_ name: String) throws(StoreError) -> [UInt8]? { try store.setting(name) }

  func statistics() -> StoreStatistics { store.statistics() }

  func maintain() throws(StoreError) -> MaintenanceState { try store.maintain() }

  func close(within limit: Duration) throws(StoreError) -> CloseReport {
    try store.close(within: limit)
  }
}
