// SPDX-License-Identifier: ISC

import Configuration
import ControlProtocol
import Disk
import Mail
import Queue

/// `queue copy <from> <to>`: copies a stopped queue into another store, verified.
///
/// Within one spool it is a move: the source keeps its mail, but is marked so that no daemon serves
/// it. Interrupted at any point it can be run again.
struct QueueCopy: Command {
  let source: String
  let destination: String

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("queue"), .keyword("copy"), .text("from"), .text("to")]
    ) { parameters in
      QueueCopy(source: parameters.text(at: 0), destination: parameters.text(at: 1))
    }
  ]

  /// The settings that go with a queue: the identifiers' cursor, what is paused, how long envelopes live.
  private static let settings = [
    "identifier.cursor", "paused", StoredTimeToLive.setting, StoredTimeToLive.actionsSetting,
  ]

  /// A place whose directory is known.
  private struct Spot: Equatable {
    let backend: QueueBackend
    let spool: String

    var name: String { "\(backend.rawValue):\(spool)" }
  }

  func run(in context: Context) throws(CommandFailure) {
    try context.refuseDryRun(of: "queue copy")
    let stores = context.stores
    let from = try spot(source, in: context)
    var to = try spot(destination, in: context)
    try QueueCopy.checked { () throws(StoreError) in
      guard try stores.presence(from.backend, from.spool) == .present else {
        throw .unusable(
          path: from.spool,
          problem: "there is no \(from.backend.rawValue) queue",
          remedy: "say where it is: queue copy \(from.backend.rawValue):DIRECTORY …"
        )
      }
    }
    try stores.prepare(to.spool, from.spool)
    to = Spot(backend: to.backend, spool: stores.canonical(to.spool))
    guard from != to else { throw .invalid("smtpctl: a queue cannot be copied into itself") }
    // What lies within the source is not to be written to memory.
    let isWithin = (to.spool + "/").hasPrefix(from.spool + "/")
    try stores.becomeOwner(from.spool, isWithin ? .change : .read)
    try report(try copy(from, to, context), from, to, in: context)
  }

  private func spot(_ text: String, in context: Context) throws(CommandFailure) -> Spot {
    guard let place = StorePlace(text) else {
      throw .invalid("smtpctl: \(text): expected fs, sqlite or lmdb, or one of them and :directory")
    }
    let spool = context.stores.canonical(place.directory ?? context.spool)
    return Spot(backend: place.backend, spool: spool)
  }

  private func copy(
    _ from: Spot,
    _ to: Spot,
    _ context: Context
  ) throws(CommandFailure) -> StoreCopy.Progress {
    let stores = context.stores
    let isMove = from.spool == to.spool
    let lock = try QueueCopy.checked { () throws(StoreError) in
      isMove ? try stores.lock(from.spool) : nil
    }
    defer { withExtendedLifetime(lock) {} }
    let locking = isMove ? SpoolLocking.heldByCaller : .take
    let origin = try open(from, locking, stores)
    defer { QueueCopy.close(origin) }
    let target = try open(to, locking, stores)
    defer { QueueCopy.close(target) }
    var copy = StoreCopy(
      from: origin,
      named: from.name,
      to: target,
      purpose: isMove ? .move(to: to.name) : .copy,
      settings: QueueCopy.settings,
      stage: try QueueCopy.checked { () throws(StoreError) in
        try stores.stage(to.backend, to.spool)
      }
    )
    let ticker = ProgressLine(context)
    defer { ticker.clear() }
    let progress = try QueueCopy.told { () throws(CopyError) in
      try copy.run { ticker.show($0) }
    }
    // Before the end: whoever then asks for the queue without a daemon is shown the whole copy.
    try stores.writeBackend(to.backend, to.spool)
    try QueueCopy.told { () throws(CopyError) in try copy.finish() }
    return progress
  }

  private func open(
    _ spot: Spot,
    _ locking: SpoolLocking,
    _ stores: StoreAccess
  ) throws(CommandFailure) -> any Store {
    try QueueCopy.checked { () throws(StoreError) in
      let store = try stores.make(spot.backend, spot.spool, locking)
      _ = try store.open()
      return store
    }
  }

  private static func checked<Value>(
    _ work: () throws(StoreError) -> Value
  ) throws(CommandFailure) -> Value {
    do throws(StoreError) {
      return try work()
    } catch .failed(_, _, let number, _) where SpoolFiles.isDenial(number) {
      throw .forbidden
    } catch {
      throw .store(error)
    }
  }

  private static func told<Value>(
    _ work: () throws(CopyError) -> Value
  ) throws(CommandFailure) -> Value {
    do throws(CopyError) { return try work() } catch { throw .failed("queue copy: \(error)") }
  }

  private static func close(_ store: any Store) {
    // What was copied is durable; a store that cannot close cleanly recovers when it is opened.
    _ = try? store.close(within: .seconds(30))
  }

  private func report(
    _ progress: StoreCopy.Progress,
    _ from: Spot,
    _ to: Spot,
    in context: Context
  ) throws(CommandFailure) {
    switch context.style {
    case .plain:
      try context.line(
        "\(progress.messagesCopied) messages copied, \(progress.messagesPresent) already there, "
          + "\(progress.messagesVerified) verified"
      )
      if progress.quarantined > 0 {
        try context.line("\(progress.quarantined) quarantined records were left in \(from.name)")
      }
      if from.spool == to.spool {
        try context.line("now set `queue backend \(to.backend.rawValue)` in smtpd.conf")
      }
    case .json:
      try context.json { line in
        line.add("copied", Int64(progress.messagesCopied))
        line.add("present", Int64(progress.messagesPresent))
        line.add("verified", Int64(progress.messagesVerified))
        line.add("envelopes", Int64(progress.envelopes))
        line.add("bytes", Int64(progress.bytes))
        line.add("quarantined", Int64(progress.quarantined))
      }
    }
  }
}
