// SPDX-License-Identifier: ISC

import Configuration
import ControlProtocol
import Disk
import Mail
import Queue

/// Answers from the store of a daemon that is stopped, with the state `offline`; what needs a running
/// daemon is refused as unreachable.
final class OfflineQueue: QueueService {
  /// How long envelopes live that say nothing of it: as the daemon left it in the store, or as it is when
  /// its configuration does not say.
  private var timeToLive = StoredTimeToLive(usual: .seconds(4 * 86_400))
  private let noticeTimeToLive = OutcomeRules(warnIntervals: []).noticeTimeToLive

  private let spool: String
  private let access: StoreAccess
  private let now: () -> Instant
  private let warn: (String) -> Void
  private var opened: (any Store)?
  private var hasChanged = false
  /// When it was opened.
  private var quarantinedBefore = 0

  /// - Parameter warn: told once what the operator should know of the store.
  init(
    spool: String,
    access: StoreAccess,
    now: @escaping () -> Instant,
    warn: @escaping (String) -> Void
  ) {
    self.now = now
    self.warn = warn
    self.spool = spool
    self.access = access
  }

  func exchange(
    _ request: ControlRequest,
    partial: (ControlResponse) throws(CommandFailure) -> Void
  ) throws(CommandFailure) -> ControlResponse {
    switch request {
    case .showQueue(let selection):
      try pages(of: try store(), try query(selection), partial)
      return .done
    case .showEnvelope(let id):
      let found = try run { store throws(StoreError) in try store.envelope(id) }
      guard let found else { throw .refused("no such envelope") }
      try partial(.envelopes([row(found)]))
      return .done
    case .showMessage(let item):
      try content(of: item.message, partial)
      return .done
    case .verifyQueue:
      try verify(partial)
      return .done
    case .quarantineList:
      let all = try run { store throws(StoreError) in try store.quarantined() }
      var rest = all[...]
      while !rest.isEmpty {
        try partial(.quarantine(Array(rest.prefix(ControlLimits.quarantineRowsPerPage))))
        rest = rest.dropFirst(ControlLimits.quarantineRowsPerPage)
      }
      return .done
    case .quarantineShow(let name):
      let bytes = try run { store throws(StoreError) in try store.quarantinedContent(name) }
      try partial(.bytes(bytes))
      return .done
    case .quarantineRestore(let name):
      let back = try run(toDo: .change) { store throws(StoreError) in
        try store.restore(quarantined: name)
      }
      if let warning = back.warning { warn("smtpctl: \(warning)") }
      return .count(back.envelopes.count)
    default: throw .unreachable
    }
  }

  /// Closes the store if it was opened.
  func close() {
    let added = (opened?.statistics().quarantined ?? 0) - quarantinedBefore
    if added > 0 {
      warn("smtpctl: unreadable records put into quarantine: \(added); see queue quarantine list")
    }
    // What was asked for has been answered; a store that cannot close cleanly recovers when opened.
    // Who only reads need not make it ready for the next start.
    _ = try? opened?.close(within: hasChanged ? .seconds(10) : .zero)
    opened = nil
  }

  private func store(toDo use: StoreAccess.Use = .read) throws(CommandFailure) -> any Store {
    if let opened { return opened }
    guard let backend = try access.backend(of: spool) else { throw .unreachable }
    try access.becomeOwner(spool, use)
    do throws(StoreError) {
      let (store, report) = try open(backend)
      opened = store
      quarantinedBefore = report.quarantined
      if let known = try StoredTimeToLive(from: store) { timeToLive = known }
      if report.quarantined > 0 { warn("smtpctl: there are records in quarantine") }
      try warnOfCopies(store)
      return store
    } catch .failed(_, _, let number, _) where SpoolFiles.isDenial(number) {
      throw .forbidden
    } catch {
      throw .store(error)
    }
  }

  /// On a full disk with the space that is kept for that, as the daemon does.
  private func open(_ backend: QueueBackend) throws(StoreError) -> (any Store, OpenReport) {
    let store = try access.make(backend, spool, .take)
    do throws(StoreError) {
      return (store, try store.open())
    } catch {
      guard case .full = error, try access.releaseReserve(spool) else { throw error }
      return (store, try store.open())
    }
  }

  /// A store that no daemon would serve is shown all the same.
  private func warnOfCopies(_ store: any Store) throws(StoreError) {
    if let name = try store.setting(StoreCopy.movedMark) {
      warn("smtpctl: this queue was moved to \(String(decoding: name, as: UTF8.self))")
    }
    if let name = try store.setting(StoreCopy.mark) {
      warn("smtpctl: this is an unfinished copy of \(String(decoding: name, as: UTF8.self))")
    }
  }

  private func run<Value>(
    toDo use: StoreAccess.Use = .read,
    _ body: (any Store) throws(StoreError) -> Value
  ) throws(CommandFailure) -> Value {
    let store = try store(toDo: use)
    if use == .change { hasChanged = true }
    do throws(StoreError) {
      return try body(store)
    } catch .absent {
      throw .refused("no such record")
    } catch {
      throw .store(error)
    }
  }

  private func query(_ selection: Selection) throws(CommandFailure) -> Query {
    do {
      return try selection.query()
    } catch {
      throw .invalid("smtpctl: \(error)")
    }
  }

  private func pages(
    of store: any Store,
    _ query: Query,
    _ partial: (ControlResponse) throws(CommandFailure) -> Void
  ) throws(CommandFailure) {
    var after: EnvelopeID?
    repeat {
      let page = try run { store throws(StoreError) in
        try store.page(after: after, limit: ControlLimits.rowsPerPage)
      }
      let rows = page.envelopes.filter { query.matches($0, .offline, at: now()) }
        .map(row)
      if !rows.isEmpty { try partial(.envelopes(rows)) }
      after = page.next
    } while after != nil
  }

  private func content(
    of message: MessageID,
    _ partial: (ControlResponse) throws(CommandFailure) -> Void
  ) throws(CommandFailure) {
    var offset = 0
    while true {
      let bytes = try run { store throws(StoreError) in
        try store.body(of: message, from: offset, count: ControlLimits.chunk)
      }
      if !bytes.isEmpty { try partial(.bytes(bytes)) }
      offset += bytes.count
      guard bytes.count < ControlLimits.chunk else { continue }
      let end = offset
      let shortage = try run { store throws(StoreError) in
        try store.shortage(of: message, after: end)
      }
      if let shortage { throw .refused("message \(message): \(shortage)") }
      return
    }
  }

  private func verify(
    _ partial: (ControlResponse) throws(CommandFailure) -> Void
  ) throws(CommandFailure) {
    var after: MessageID?
    var isUnfinished = false
    repeat {
      let page = try run { store throws(StoreError) in
        try store.verify(after: after, limit: 1000)
      }
      try partial(
        .verified(
          messages: page.messagesChecked,
          envelopes: page.envelopesChecked,
          findings: page.findings
        )
      )
      after = page.next
      isUnfinished = page.isUnfinished
    } while after != nil || isUnfinished
  }

  private func row(_ stored: StoredEnvelope) -> EnvelopeRow {
    var given = stored.envelope.timeToLive
    if case .bounce = stored.envelope.kind { given = noticeTimeToLive }
    return EnvelopeRow(
      message: stored.message,
      envelope: stored.envelope,
      place: EnvelopePlace(
        state: .offline,
        nextTry: nil,
        expiry: stored.envelope.created
          + (given > .zero ? given : timeToLive[stored.envelope.action])
      )
    )
  }
}
