// SPDX-License-Identifier: ISC

import ControlProtocol
import Queue

/// `queue copy <from> <to>`: copies a stopped queue into another store, verified. Interrupted at any
/// point it can be run again; the source is only read.
struct QueueCopy: Command {
  let source: StorePlace
  let destination: StorePlace

  static let entries = [
    CommandTable.Entry(
      pattern: [.keyword("queue"), .keyword("copy"), .text("from"), .text("to")]
    ) { parameters in
      QueueCopy(
        source: StorePlace(parameters.text(at: 0)),
        destination: StorePlace(parameters.text(at: 1))
      )
    }
  ]

  /// The settings that go with a queue: the identifiers' cursor and what is paused.
  private static let settings = ["identifier.cursor", "paused"]

  func run(in context: Context) throws(CommandFailure) {
    guard context.mode == .execute else { throw .invalid("smtpctl: queue copy has no dry run") }
    let stores = context.stores
    guard let from = try source.knownBackend(stores) else {
      throw .failed("\(source.directory): there is no queue")
    }
    guard let to = try destination.knownBackend(stores) else {
      throw .invalid("smtpctl: say the backend: queue copy … KIND:\(destination.directory)")
    }
    guard from != to || source.directory != destination.directory else {
      throw .invalid("smtpctl: a queue cannot be copied into itself")
    }
    try stores.prepare(destination.directory, source.directory)
    try stores.becomeOwner(source.directory)
    let progress = try copy(from, to, stores)
    try stores.writeBackend(to, destination.directory)
    try report(progress, in: context)
  }

  private func copy(
    _ from: String,
    _ to: String,
    _ stores: StoreAccess
  ) throws(CommandFailure) -> StoreCopy.Progress {
    let origin = try open(from, source.directory, stores)
    defer { QueueCopy.close(origin) }
    let target = try open(to, destination.directory, stores)
    defer { QueueCopy.close(target) }
    var copy = StoreCopy(
      from: origin,
      named: "\(from):\(source.directory)",
      to: target,
      settings: QueueCopy.settings,
      stage: stores.stage(to, destination.directory)
    )
    do {
      return try copy.run { _ in }
    } catch {
      throw .failed("queue copy: \(error)")
    }
  }

  private func open(
    _ backend: String,
    _ directory: String,
    _ stores: StoreAccess
  ) throws(CommandFailure) -> any Store {
    do {
      let store = try stores.make(backend, directory)
      _ = try store.open()
      return store
    } catch {
      throw .store(error)
    }
  }

  private static func close(_ store: any Store) {
    // What was copied is durable; a store that cannot close cleanly recovers when it is opened.
    try? store.close(within: .seconds(30))
  }

  private func report(
    _ progress: StoreCopy.Progress,
    in context: Context
  ) throws(CommandFailure) {
    switch context.style {
    case .plain:
      try context.line(
        "\(progress.messagesCopied) messages copied, \(progress.messagesPresent) already there, "
          + "\(progress.messagesVerified) verified"
      )
      if progress.quarantined > 0 {
        try context.line("quarantined records left in \(source.directory): \(progress.quarantined)")
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

/// A store on the command line: `backend:directory`, or a directory that says its backend itself.
struct StorePlace: Equatable {
  let backend: String?
  let directory: String

  init(_ text: String) {
    if let colon = text.firstIndex(of: ":"),
      StoreAccess.backends.contains(String(text[..<colon]))
    {
      backend = String(text[..<colon])
      directory = String(text[text.index(after: colon)...])
    } else {
      backend = nil
      directory = text
    }
  }

  /// The backend that was given, or that the directory says; nil when neither does.
  func knownBackend(_ stores: StoreAccess) throws(CommandFailure) -> String? {
    if let backend { return backend }
    return try stores.backend(of: directory)
  }
}
